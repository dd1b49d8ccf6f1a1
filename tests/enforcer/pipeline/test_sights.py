"""Sights: worked out once for all who hold the same, anew with everything that may change one."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from enforcer.contract.incident import Incident, KillSwitch
from enforcer.contract.snapshot import GrantPolicy, PrincipalPolicy
from enforcer.discovery.catalog import Catalog
from enforcer.link.state import Applied
from enforcer.pipeline import sights
from enforcer.pipeline.sights import NOTHING, Moment, Sights
from enforcer.policy.call import Call, Caller
from tests.enforcer.policy.support import FUTURE, NOW, grant, incident, index_of, snapshot, tool

SCHEMA: dict[str, Any] = {"type": "object", "additionalProperties": True}
NAMES = ("fs_read", "fs_write", "db_read")


def a_policy(*grants: GrantPolicy, state: Incident | None = None) -> Applied:
    """alice and bob are of finance and hold all of these, carol is of nothing and holds them too."""
    ids = tuple(sorted(each.id for each in grants))
    people = tuple(
        PrincipalPolicy(subject=name, issuer="idp", actor_type="user", groups=groups, grants=ids)
        for name, groups in (("alice", ("finance",)), ("bob", ("finance",)), ("carol", ()))
    )
    made = msgspec.structs.replace(snapshot(*grants, tools=tuple(tool(name) for name in NAMES)), principals=people)
    return Applied(index_of(made), state or incident(), None, NOW, None)  # type: ignore[arg-type]


def at(policy: Applied, now: float = NOW, age: float = 0.0) -> Moment:
    return Moment(policy, age, age < 60, now)


def call(who: str, **more: Any) -> Call:
    return Call("probe", "files", "", Caller(who, "idp", **more))


def names(found: frozenset[tuple[str, str | None]]) -> list[str]:
    return sorted(name for name, _ in found)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who was looked for."""
    real, seen = Sights._look, list[str]()

    async def noted(self: Sights, asked: Call, moment: Moment) -> Any:
        seen.append(asked.caller.subject)
        return await real(self, asked, moment)

    monkeypatch.setattr(sights.Sights, "_look", noted)
    return seen


@pytest.fixture
def shown() -> Sights:
    policy, catalog = a_policy(grant()), Catalog()
    catalog.learn(policy.index, [{"name": name, "inputSchema": SCHEMA} for name in NAMES])
    return Sights(catalog)


async def test_who_holds_the_same_is_shown_the_same_and_looked_for_once(shown: Sights, looks: list[str]) -> None:
    moment = at(a_policy(grant(tools=("fs_*",))))
    found = await asyncio.gather(*(shown.of(call(who), moment) for who in ("alice", "bob", "alice")))
    assert [names(each) for each in found] == [["fs_read", "fs_write"]] * 3
    assert looks == ["alice"]
    await shown.of(call("carol"), moment)
    assert looks == ["alice", "carol"]


async def test_a_kill_of_a_group_or_of_one_of_them_is_nobody_else_s(shown: Sights) -> None:
    for target, sees in (
        ("group:finance", {"alice": [], "bob": [], "carol": ["fs_read"]}),
        ("principal:alice", {"alice": [], "bob": ["fs_read"], "carol": ["fs_read"]}),
    ):
        moment = at(a_policy(grant(tools=("fs_read",)), state=incident(target)))
        assert {who: names(await shown.of(call(who), moment)) for who in sees} == sees


async def test_another_policy_kill_list_or_freshness_is_looked_at_anew(shown: Sights, looks: list[str]) -> None:
    policy = a_policy(grant())
    assert names(await shown.of(call("alice"), at(policy))) == ["db_read", "fs_read", "fs_write"]
    killed = (KillSwitch(id="k1", target="tool:files/fs_*"),)
    stopped = replace(policy, incident=msgspec.structs.replace(policy.incident, kill_switches=killed))
    assert names(await shown.of(call("alice"), at(stopped))) == ["db_read"]
    await shown.of(call("alice"), at(stopped, age=61.0))
    shown.catalog.learn(policy.index, [{"name": "db_read", "inputSchema": SCHEMA, "description": "Another."}])
    assert await shown.of(call("alice"), at(policy)) == NOTHING  # neither listed any more, nor as it was pinned
    assert len(looks) == 4


async def test_a_window_that_turns_is_seen_without_news(shown: Sights) -> None:
    policy = a_policy(grant(tools=("fs_read",)), grant("later", tools=("db_*",), not_before=FUTURE))
    assert names(await shown.of(call("alice"), at(policy))) == ["fs_read"]
    assert names(await shown.of(call("alice"), at(policy, now=NOW + 61))) == ["db_read", "fs_read"]


async def test_news_that_are_too_old_show_nothing(shown: Sights) -> None:
    assert await shown.of(call("alice"), at(a_policy(grant()), age=1000.0)) == NOTHING
