"""Rows → snapshot. The property compares the enforcer's decision with a naive reading of the same rows."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from controlplane.common.errors import InvalidState
from controlplane.grants.models import Grant
from controlplane.inventory.models import Server
from controlplane.policy.compile import compile_snapshot
from controlplane.principals.models import Group, Principal
from enforcer.contract.documents import read, write
from enforcer.contract.incident import Incident
from enforcer.contract.snapshot import Snapshot
from enforcer.policy.access import visible_tools
from enforcer.policy.call import Caller
from enforcer.policy.globs import matches
from enforcer.policy.index import Index, build_index
from tests.controlplane.factories import (
    GrantFactory,
    GroupFactory,
    IdentityProviderFactory,
    PrincipalFactory,
    ServerFactory,
    ToolFactory,
    trust_level,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def compiled(server: Server, version: int = 1) -> Snapshot:
    return compile_snapshot(server, version=version, generation=1, now=NOW, token_keys=())


def grants_of(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    return {principal.subject: principal.grants for principal in snapshot.principals}


@pytest.mark.django_db
def test_a_snapshot_holds_its_own_server_and_nobody_elses() -> None:
    files, mail = ServerFactory(id="files"), ServerFactory(id="mail")
    ToolFactory(server=files, name="read")
    ToolFactory(server=mail, name="send")
    GrantFactory(key="f", server=files, principal=PrincipalFactory(subject="ada"), reason="secret plan", ticket="OPS-1")
    GrantFactory(key="m", server=mail, principal=PrincipalFactory(subject="bob"))
    PrincipalFactory(subject="nobody")
    snapshot = compiled(files)
    assert [tool.name for tool in snapshot.tools] == ["read"]
    assert grants_of(snapshot) == {"ada": ("f",)}
    assert [grant.id for grant in snapshot.grants] == ["f"]
    assert b"secret" not in write(snapshot)
    assert b"OPS-1" not in write(snapshot)
    assert read(write(snapshot), Snapshot) == snapshot


@pytest.mark.django_db
def test_groups_are_flattened_and_every_group_of_a_caller_is_named() -> None:
    server = ServerFactory()
    finance, sales = GroupFactory(name="finance"), GroupFactory(name="sales")
    GrantFactory(key="group", server=server, principal=None, group=finance)
    GrantFactory(key="own", server=server, principal=PrincipalFactory(subject="ada", groups=[sales, finance]))
    PrincipalFactory(subject="bob", groups=[finance])
    PrincipalFactory(subject="eve", groups=[sales])
    GrantFactory(key="empty", server=server, principal=None, group=GroupFactory())
    snapshot = compiled(server)
    assert grants_of(snapshot) == {"ada": ("group", "own"), "bob": ("group",)}
    assert snapshot.principals[0].groups == ("finance", "sales")
    assert [grant.id for grant in snapshot.grants] == ["group", "own"]


@pytest.mark.django_db
def test_selectors_are_narrowed_to_the_server() -> None:
    server = ServerFactory(trust_level=trust_level("community"))
    GrantFactory(key="level", server=None, tools=[], trust="community")
    GrantFactory(key="low", server=None, tools=[], risk="LOW")
    GrantFactory(key="other", server=None, tools=[], trust="internal")
    snapshot = compiled(server)
    assert [(grant.id, grant.tools, grant.risk) for grant in snapshot.grants] == [
        ("level", ("*",), None),
        ("low", ("*",), "LOW"),
    ]


@pytest.mark.django_db
def test_equal_policy_gives_equal_bytes_in_whatever_order_it_was_written() -> None:
    server = ServerFactory()
    keys = ["b", "a", "c"]
    people = [PrincipalFactory(subject=key) for key in keys]
    for key, person in zip(keys, people, strict=True):
        GrantFactory(key=key, server=server, principal=person)
        ToolFactory(server=server, name=key)
        IdentityProviderFactory(issuer=f"https://{key}.example")
    first = compiled(server)
    assert [tool.name for tool in first.tools] == ["a", "b", "c"]
    assert [grant.id for grant in first.grants] == ["a", "b", "c"]
    assert write(compiled(server)) == write(first)
    later = compile_snapshot(server, version=2, generation=1, now=NOW + timedelta(days=1), token_keys=())
    moved = {"version": 1, "issued_at": first.issued_at, "expires_at": first.expires_at}
    assert msgspec.structs.replace(later, **moved) == first


@pytest.mark.django_db
def test_the_server_says_its_sandbox_or_its_trust_level_does() -> None:
    server = ServerFactory(trust_level=trust_level("community"), sandbox_fs="read_only", workspace="/srv", rate="5/day")
    snapshot = compiled(server)
    assert (snapshot.server.sandbox.fs, snapshot.server.sandbox.net) == ("read_only", "block_all")
    assert (snapshot.trust.ceiling, snapshot.trust.stale_all_s) == ("MEDIUM", 300)
    assert (snapshot.server.workspace, snapshot.server.limits.rate) == ("/srv", "5/day")


@pytest.mark.django_db
def test_an_empty_policy_is_a_deny_all_and_so_is_a_retired_server() -> None:
    server = ServerFactory(retired=True)
    GrantFactory(server=None, tools=[], trust="internal")
    assert compiled(server).grants == ()
    assert compiled(server).principals == ()


@pytest.mark.django_db
def test_a_snapshot_expires_after_thirty_days() -> None:
    assert compiled(ServerFactory()).expires_at == "2026-12-01T00:00:00.000Z"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "tool", [{"input_schema": {"type": "nonsense"}}, {"state": "reviewed", "input_schema": {"$ref": "https://x/y"}}]
)
def test_what_the_enforcer_could_not_load_is_not_compiled(tool: dict[str, object]) -> None:
    row = ToolFactory(**tool)
    with pytest.raises(InvalidState, match=row.server_id):
        compiled(row.server)


SUBJECTS, GROUPS, TOOLS = ("ada", "bob"), ("red", "blue"), ("read", "readall", "write")
GRANTS = st.fixed_dictionaries(
    {
        "effect": st.sampled_from(["allow", "allow", "deny"]),
        "who": st.sampled_from([*SUBJECTS, *GROUPS]),
        "where": st.sampled_from(["here", "there", "trust:internal", "trust:unknown", "risk:LOW", "risk:HIGH"]),
        "tools": st.lists(st.sampled_from(["read", "read*", "*", "w?ite", "x"]), min_size=1, max_size=2),
        "window": st.sampled_from([(None, None), (-2, None), (None, 2), (1, None), (-2, -1)]),
    }
)
MEMBERS = st.dictionaries(st.sampled_from(SUBJECTS), st.sets(st.sampled_from(GROUPS)))
RISKS = st.tuples(*(st.sampled_from(["LOW", "HIGH"]) for _ in TOOLS))


def in_days(days: int | None) -> datetime | None:
    return None if days is None else NOW + timedelta(days=days)


class SnapshotDecidesAsTheRowsRead(TestCase):
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(GRANTS, max_size=6), MEMBERS, RISKS)
    def test_a_tool_is_listed_exactly_where_an_allow_and_no_deny_of_the_rows_says_so(
        self, grants: list[dict[str, object]], members: dict[str, set[str]], risks: tuple[str, ...]
    ) -> None:
        here, there = ServerFactory(id="here"), ServerFactory(id="there")
        for name, risk in zip(TOOLS, risks, strict=True):
            ToolFactory(server=here, name=name, risk=risk)
        groups = {name: GroupFactory(name=name) for name in GROUPS}
        people = {s: PrincipalFactory(subject=s, groups=[groups[g] for g in members.get(s, ())]) for s in SUBJECTS}
        for number, wanted in enumerate(grants):
            self._grant(number, wanted, people, groups, {"here": here, "there": there})
        index = build_index(compiled(here))
        assert isinstance(index, Index)
        for subject, person in people.items():
            assert self._listed(index, subject) == naive(person, here), (subject, grants)

    @staticmethod
    def _grant(
        number: int,
        wanted: dict[str, object],
        people: dict[str, Principal],
        groups: dict[str, Group],
        servers: dict[str, Server],
    ) -> None:
        who, where, (start, end) = str(wanted["who"]), str(wanted["where"]), wanted["window"]  # type: ignore[misc]
        kind, _, selected = where.partition(":")
        GrantFactory(
            key=f"g-{number}",
            effect=wanted["effect"],
            principal=people.get(who),
            group=groups.get(who),
            server=servers.get(where),
            tools=wanted["tools"] if where in servers else [],
            trust=selected if kind == "trust" else "",
            risk=selected if kind == "risk" else "",
            not_before=in_days(start),
            not_after=in_days(end),
        )

    @staticmethod
    def _listed(index: Index, subject: str) -> frozenset[str]:
        incident = Incident(schema=1, generation=1, issued_at="2026-11-01T00:00:00Z", server_id="here", epoch=1)
        caller = Caller(subject=subject, issuer="drawbridge")
        return visible_tools(index, incident, caller, "e", 0.0, NOW.timestamp())


def naive(person: Principal, server: Server) -> frozenset[str]:
    """The rows read one by one, without groups flattened or selectors narrowed."""
    groups = set(person.groups.all())
    mine = [grant for grant in Grant.objects.all() if grant.principal == person or grant.group in groups]
    mine = [g for g in mine if (not g.not_before or g.not_before <= NOW) and (not g.not_after or g.not_after > NOW)]
    listed = set()
    for tool in server.tools.all():
        speaking = [
            grant.effect
            for grant in mine
            if (grant.server == server and any(matches(glob, tool.name) for glob in grant.tools))
            or (grant.server is None and grant.trust in ("", server.trust_level_id) and grant.risk in ("", tool.risk))
        ]
        if "allow" in speaking and "deny" not in speaking:
            listed.add(tool.name)
    return frozenset(listed)
