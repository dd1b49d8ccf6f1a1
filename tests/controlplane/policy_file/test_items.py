"""An item is the whole object and nothing else, wherever it is read again."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.credentials.specs import VaultBackendSpec
from controlplane.grants.specs import GrantSpec, content_key
from controlplane.inventory.specs import ServerSpec, ToolSpec, default_trust_level
from controlplane.policy.declarative.file import read_policy
from controlplane.policy.declarative.items import document_of, item_of
from controlplane.policy.declarative.policy import SECTIONS, KillSpec, Policy, Spec, section
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalKey, PrincipalSpec
from enforcer.contract.levels import Risk, TrustLevel
from enforcer.contract.strict_json import JsonObject, JsonValue
from tests.controlplane.policy_file.policies import KEY, NOW, policies
from tests.controlplane.policy_file.samples import bare

PROVIDER = IdentityProviderSpec(issuer="https://idp", audience="gate", algorithms=["EdDSA"], jwks={"keys": [KEY]})
GRANT = GrantSpec(principal=PrincipalKey("drawbridge", "ada"), server_id="files", tools=["fs_read"])
KEYED = replace(GRANT, key=content_key(GRANT))
READ = ToolSpec(server_id="files", name="fs_read", risk=Risk.LOW, input_schema={"type": "object"})
SLOW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
ITEMS: list[tuple[Spec, JsonObject]] = [
    (default_trust_level(TrustLevel.INTERNAL), {"name": "internal"}),
    (
        replace(default_trust_level(TrustLevel.UNKNOWN), ceiling=Risk.HIGH, sandbox_net="none", stale_all_s=900),
        {"name": "unknown", "ceiling": "HIGH", "sandbox": {"net": "none"}, "stale_s": {"all": 900}},
    ),
    (
        PROVIDER,
        {"issuer": "https://idp", "audience": "gate", "algorithms": ["EdDSA"], "jwks": {"keys": [KEY]}},
    ),
    (
        replace(PROVIDER, claim_subject="email", jwks={"keys": []}),
        {"issuer": "https://idp", "audience": "gate", "algorithms": ["EdDSA"], "jwks": {"keys": []},
         "claims": {"subject": "email"}},
    ),
    (
        VaultBackendSpec(name="bao", kind="openbao", address="https://bao", mount="secret"),
        {"name": "bao", "kind": "openbao", "address": "https://bao"},
    ),
    (VaultBackendSpec(name="disk", kind="file", mount="/run/s"), {"name": "disk", "kind": "file", "mount": "/run/s"}),
    (VaultBackendSpec(name="host", kind="env"), {"name": "host", "kind": "env"}),
    (GroupSpec(name="red"), {"name": "red"}),
    (PrincipalSpec(subject="ada", issuer="drawbridge"), {"subject": "ada", "issuer": "drawbridge"}),
    (
        PrincipalSpec(subject="ada", issuer="https://idp", actor_type="agent", groups=["red"]),
        {"subject": "ada", "issuer": "https://idp", "actor_type": "agent", "groups": ["red"]},
    ),
    (ServerSpec(id="files", trust_level_id="internal"), {"id": "files", "trust_level": "internal"}),
    (
        ServerSpec(id="files", title="Files", trust_level_id="internal", credential_mode="none", workspace="/srv",
                   egress=["a.example"], sandbox_net="none", timeout_s=5, rate="1/day"),
        {"id": "files", "title": "Files", "trust_level": "internal", "credential": {"mode": "none"},
         "workspace": "/srv", "egress": ["a.example"], "sandbox": {"net": "none"},
         "limits": {"timeout_s": 5, "rate": "1/day"}},
    ),
    (READ, {"server": "files", "name": "fs_read", "risk": "LOW", "input_schema": {"type": "object"}}),
    (
        replace(READ, path_arguments=[]),
        {"server": "files", "name": "fs_read", "risk": "LOW", "input_schema": {"type": "object"}, "path_arguments": []},
    ),
    (KEYED, {"principal": "ada", "issuer": "drawbridge", "server": "files", "tools": ["fs_read"]}),
    (replace(KEYED, key="one", principal=None, group="red", effect="deny"),
     {"id": "one", "group": "red", "server": "files", "tools": ["fs_read"], "effect": "deny"}),
    (
        replace(KEYED, key="all", server_id="", tools=[], trust="internal", risk="LOW", max_risk=Risk.HIGH,
                constraint={}, rate="1/day", not_before=datetime(2026, 1, 2, 3, 4, 5, 600_000, UTC),
                not_after=datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=1))), reason="a\nb", ticket="T-1"),
        {"id": "all", "principal": "ada", "issuer": "drawbridge", "trust": "internal", "risk": "LOW",
         "max_risk": "HIGH", "constraint": {}, "rate": "1/day", "not_before": "2026-01-02T03:04:05.600000Z",
         "not_after": "2026-12-31T23:00:00Z", "reason": "a\nb", "ticket": "T-1"},
    ),
    (KillSpec(target="risk:LOW", reason="r"), {"target": "risk:LOW", "reason": "r"}),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "item"), ITEMS)
def test_an_item_says_what_is_not_usual_in_the_order_of_the_contract(spec: Spec, item: JsonObject) -> None:
    made = item_of(spec)
    assert made == item
    assert list(made) == list(item)


def test_a_grant_that_was_changed_under_its_key_keeps_it() -> None:
    moved = replace(KEYED, server_id="mail")
    assert item_of(moved)["id"] == KEYED.key
    assert "id" not in item_of(replace(moved, key=content_key(moved)))


def test_the_usual_issuer_of_another_file_is_not_taken_for_ones_own() -> None:
    """Read where a provider is the default, the principal is still the control plane's."""
    elsewhere = Policy(trust_levels=bare().trust_levels, identity_providers={"https://idp": PROVIDER})
    ada = PrincipalSpec(subject="ada", issuer="drawbridge")
    draft = read_policy({"version": 1, "principals": [item_of(ada)]}, elsewhere, held=set(), now=NOW)
    assert list(draft.said.principals.values()) == [ada]


def test_an_empty_policy_is_its_version_and_the_levels_that_are_always_there() -> None:
    assert document_of(Policy()) == {"version": 1}
    levels = [{"name": name} for name in ("internal", "verified", "community", "unknown")]
    assert document_of(bare()) == {"version": 1, "trust_levels": levels}


@SLOW
@given(policies())
def test_every_item_of_a_document_reads_back_as_the_same_object_of_the_same_types(policy: Policy) -> None:
    draft = read_policy(document_of(policy), policy, held=set(), now=NOW)
    assert not draft.problems
    for name, _ in SECTIONS:
        assert section(draft.said, name) == section(policy, name)
        for key, spec in section(draft.said, name).items():
            assert types_in(spec) == types_in(section(policy, name)[key])


@SLOW
@given(policies(), st.randoms(use_true_random=False))
def test_equal_policies_have_equal_documents_in_whatever_order_they_were_made(policy: Policy, random: object) -> None:
    shuffled = Policy(identity_providers=policy.identity_providers)
    for name, _ in SECTIONS:
        keys = list(section(policy, name))
        random.shuffle(keys)  # type: ignore[attr-defined]
        if name != "identity_providers":
            section(shuffled, name).update({key: section(policy, name)[key] for key in keys})
    assert document_of(shuffled) == document_of(policy)


def test_providers_keep_their_order_because_the_first_is_the_default() -> None:
    providers = {issuer: replace(PROVIDER, issuer=issuer) for issuer in ("https://b", "https://a")}
    listed = document_of(Policy(identity_providers=providers))["identity_providers"]
    assert isinstance(listed, list)
    assert [item["issuer"] for item in listed if isinstance(item, dict)] == ["https://b", "https://a"]


def types_in(spec: Spec) -> list[tuple[str, type, JsonValue]]:
    """Names, types and values of all fields, so that a plain text is not taken for a risk."""
    return [(one.name, type(getattr(spec, one.name)), str(getattr(spec, one.name))) for one in fields(spec)]
