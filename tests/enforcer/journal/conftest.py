from collections.abc import Iterator
from pathlib import Path

import pytest

from enforcer.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal.open(tmp_path, enforcer_id="probe")
    yield made
    made.close()
