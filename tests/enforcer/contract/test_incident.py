import json

import pytest

from enforcer.contract.documents import DocumentError, write
from enforcer.contract.incident import NOT_UNDERSTOOD, read_incident
from tests.vectors import make

GOOD = json.loads(write(make.documents()["incident"][1]))


@pytest.mark.parametrize(
    "change",
    [
        {"moon_phases": ["full"]},
        {"schema": 2},
        {"kill_switches": [{"id": "k", "target": "planet:earth"}]},
        {"kill_switches": [{"id": "k", "target": "all", "until": "noon"}]},
        {"kill_switches": "all"},
        {"quarantined": [5]},
    ],
)
def test_what_is_not_understood_counts_as_everything_killed(change: dict[str, object]) -> None:
    made = read_incident(json.dumps({**GOOD, **change}).encode())
    assert [(k.id, k.target) for k in made.kill_switches] == [(NOT_UNDERSTOOD, "all")]
    assert made.epoch == 3


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"epoch": 1}', b'{"epoch":1,"epoch":2}'])
def test_an_incident_state_without_a_number_is_no_document(raw: bytes) -> None:
    with pytest.raises(DocumentError):
        read_incident(raw)
