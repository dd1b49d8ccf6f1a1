"""A rate that two enforcers of one server share, through the whole system."""

from collections.abc import Iterator

import pytest

from tests.support.bench import lines_of, policy
from tests.support.system import System, running

GRANTS = [
    {"principal": "ada", "server": "ledger", "tools": ["note"], "rate": "6/hour shared", "reason": "tests"},
    {"principal": "grace", "server": "ledger", "tools": ["note"], "rate": "6/hour", "reason": "tests"},
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    home = tmp_path_factory.mktemp("shared")
    (home / "workspace").mkdir()
    with running(home) as made:
        made.apply(policy(home / "workspace", grants=GRANTS))
        url = made.start_upstream("ledger", "--ledger", str(home / "ledger"))
        for enforcer_id in ("left", "right"):
            made.open_gate(made.enroll(enforcer_id, "ledger", upstream=url))
        yield made


def codes(system: System, subject: str, calls: int) -> list[list[str]]:
    """Of calls that take turns at the two gates."""
    token = system.token(subject)
    callers = [system.caller(gate, token) for gate in ("left", "right")]
    return [callers[n % 2].call("note", {"nonce": f"{subject}-{n}"}).codes for n in range(calls)]


def test_two_enforcers_let_through_together_what_the_shared_rate_allows(system: System) -> None:
    assert codes(system, "ada", 8) == [[]] * 6 + [["DENY_RATE_LIMIT"]] * 2
    assert sum(line.startswith("ada-") for line in lines_of(system.home / "ledger")) == 6


def test_a_rate_that_is_not_shared_is_counted_by_each(system: System) -> None:
    assert codes(system, "grace", 14) == [[]] * 12 + [["DENY_RATE_LIMIT"]] * 2


def test_a_call_of_a_shared_rate_is_refused_while_redis_is_away_and_any_other_passes(system: System) -> None:
    system.apply(
        policy(system.home / "workspace", grants=[{**GRANTS[0], "rate": "9/day shared"}, GRANTS[1] | {"rate": "9/day"}])
    )
    ada, grace = (system.caller("left", system.token(who)) for who in ("ada", "grace"))
    assert system.up is not None
    assert ada.call("note", {"nonce": "before"}).codes == []
    system.up.kill()
    refused = ada.call("note", {"nonce": "away"})
    assert refused.codes == ["DENY_RATE_LIMIT"]
    assert grace.call("note", {"nonce": "others"}).codes == []
    assert "away" not in lines_of(system.home / "ledger")
    assert "shared rates can't be counted" in system.gates["left"].program.output
