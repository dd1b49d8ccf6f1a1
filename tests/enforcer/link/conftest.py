"""Fixtures of the link's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.enforcer.link.parts import Valkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A policy instance of its own."""
    directory = tmp_path / "valkey"
    directory.mkdir()
    made = Valkey(directory)
    yield made
    made.stop()
