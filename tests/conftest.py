"""One running system for all tests that only use it; tests that break things start their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.bench import open_bench
from tests.support.system import System, running

settings.register_profile("any machine", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The bench of tests/support/bench.py."""
    with running(tmp_path_factory.mktemp("conformance")) as started:
        open_bench(started)
        yield started


@pytest.fixture(scope="session")
def ledger(system: System) -> Path:
    """What really ran."""
    return system.home / "ledger"


@pytest.fixture(scope="session")
def ada(system: System) -> str:
    """A token of ada."""
    return system.token("ada")


@pytest.fixture(scope="session")
def grace(system: System) -> str:
    """A token of grace."""
    return system.token("grace")
