"""Revocations and quarantines: each act reaches the incident state of every server, once, and leaves a receipt."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.common.actor import Actor, Right
from controlplane.common.errors import InvalidState, NotAllowed
from controlplane.incidents import services
from controlplane.incidents.compile import compile_incident
from controlplane.incidents.models import KillSwitch, RevokedToken
from controlplane.incidents.services import Acted
from controlplane.policy.models import ChangedServer, Kind
from controlplane.principals.models import IssuedToken
from controlplane.receipts.models import Receipt
from enforcer.contract import incident
from enforcer.contract.incident import Incident
from enforcer.contract.strict_json import parse_object
from tests.controlplane.actors import ADA, GRACE
from tests.controlplane.factories import PrincipalFactory, ServerFactory

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
EVE: dict[str, str] = {"subject": "eve"}
RAISER = Actor("rita", frozenset({Right.VIEW, Right.RAISE_KILL}))
Case = tuple[Callable[..., Acted], dict[str, str], str]

TAKES: list[Case] = [
    (services.revoke_principal, EVE, "principal.revoke"),
    (services.revoke_token, {"jti": "j1"}, "token.revoke"),
    (services.quarantine, {"target": "session:s9"}, "quarantine.begin"),
]
GIVES: list[Case] = [
    (services.restore_principal, EVE, "principal.restore"),
    (services.end_quarantine, {"target": "session:s9"}, "quarantine.end"),
]


@pytest.fixture(autouse=True)
def _world() -> None:
    ServerFactory(id="files")
    ServerFactory(id="mail")
    PrincipalFactory(subject="eve")
    token("j1")


def token(jti: str) -> IssuedToken:
    return IssuedToken.objects.create(
        jti=jti, subject="eve", issued_by="ada", issued_at=NOW, expires_at=NOW + timedelta(hours=1)
    )


def state() -> Incident:
    return compile_incident(ServerFactory.build(id="files"), epoch=1, generation=1, now=NOW)


def receipts() -> list[dict[str, Any]]:
    return [parse_object(bytes(row.line)) for row in Receipt.objects.order_by("sequence")]


def told(acted: Acted) -> list[str]:
    parts = ChangedServer.objects.filter(change_id=acted.change_id, change__kind=Kind.INCIDENT)
    return sorted(parts.values_list("server_id", flat=True))


@pytest.mark.parametrize(("act", "words", "action"), TAKES + GIVES)
def test_every_act_reaches_all_servers_once_and_leaves_one_receipt(
    act: Callable[..., Acted], words: dict[str, str], action: str
) -> None:
    if (act, words, action) in GIVES:
        services.revoke_principal(**EVE, reason="r", actor=ADA)
        services.quarantine(target="session:s9", reason="r", actor=ADA)
    acted, again = act(**words, reason="why", actor=ADA), act(**words, reason="why", actor=ADA)
    assert told(acted) == ["files", "mail"]
    assert again.change_id is None
    mine = [receipt for receipt in receipts() if receipt["action"] == action]
    assert [(receipt["principal"]["sub"], receipt["detail"]["reason"]) for receipt in mine] == [("ada", "why")]


@pytest.mark.parametrize(("act", "words", "action"), TAKES)
def test_whoever_may_raise_may_take_access_away(act: Callable[..., Acted], words: dict[str, str], action: str) -> None:
    assert act(**words, reason="r", actor=RAISER).change_id
    with pytest.raises(NotAllowed):
        act(**words, reason="r", actor=Actor("vera", frozenset({Right.VIEW, Right.LOWER_KILL})))


@pytest.mark.parametrize(("act", "words", "action"), GIVES)
def test_giving_it_back_needs_the_right_to_lower(act: Callable[..., Acted], words: dict[str, str], action: str) -> None:
    with pytest.raises(NotAllowed):
        act(**words, reason="r", actor=RAISER)


def test_a_revoked_principal_is_published_until_it_is_restored() -> None:
    services.revoke_principal(subject="eve", reason="r", actor=ADA)
    assert state().revoked_principals == (incident.RevokedPrincipal(subject="eve", issuer="drawbridge"),)
    services.restore_principal(subject="eve", reason="over", actor=GRACE)
    assert state().revoked_principals == ()


def test_a_principal_of_an_identity_provider_is_another_one() -> None:
    PrincipalFactory(subject="eve", issuer="https://idp.example")
    services.revoke_principal(subject="eve", issuer="https://idp.example", reason="r", actor=ADA)
    assert [p.issuer for p in state().revoked_principals] == ["https://idp.example"]


def test_a_typing_error_does_not_look_like_a_revocation() -> None:
    with pytest.raises(InvalidState, match="there is no principal 'evve'"):
        services.revoke_principal(subject="evve", reason="r", actor=ADA)


def test_a_principal_that_left_the_policy_but_has_a_token_can_be_revoked() -> None:
    IssuedToken.objects.create(
        jti="j2", subject="gone", issued_by="ada", issued_at=NOW, expires_at=NOW + timedelta(hours=1)
    )
    assert services.revoke_principal(subject="gone", reason="r", actor=ADA).change_id


def test_a_revoked_token_is_published_by_its_id() -> None:
    services.revoke_token(jti="j1", reason="r", actor=ADA)
    assert state().revoked_tokens == ("j1",)
    assert RevokedToken.objects.get().expires_at == IssuedToken.objects.get().expires_at


def test_a_token_of_another_issuer_is_revoked_until_it_ends() -> None:
    with pytest.raises(InvalidState, match="say when it ends"):
        services.revoke_token(jti="theirs", reason="r", actor=ADA)
    services.revoke_token(jti="theirs", reason="r", actor=ADA, expires_at=NOW + timedelta(hours=1))
    later = services.revoke_token(jti="theirs", reason="r", actor=ADA, expires_at=NOW + timedelta(hours=2))
    earlier = services.revoke_token(jti="theirs", reason="r", actor=ADA, expires_at=NOW + timedelta(minutes=1))
    assert (bool(later.change_id), earlier.change_id) == (True, None)
    assert RevokedToken.objects.get().expires_at == NOW + timedelta(hours=2)


@pytest.mark.parametrize("jti", ["", "j" * 65])
def test_what_can_not_be_a_token_id_is_refused(jti: str) -> None:
    with pytest.raises(InvalidState):
        services.revoke_token(jti=jti, reason="r", actor=ADA, expires_at=NOW)


@pytest.mark.parametrize("target", ["principal:eve", "session:s9"])
def test_a_quarantine_is_published_until_it_ends(target: str) -> None:
    services.quarantine(target=target, reason="r", actor=ADA)
    assert state().quarantined == (target,)
    services.end_quarantine(target=target, reason="over", actor=ADA)
    assert state().quarantined == ()


@pytest.mark.parametrize("target", ["server:files", "all", "eve", "session:", "principal:" + "e" * 600])
def test_only_a_principal_or_a_session_can_be_quarantined(target: str) -> None:
    with pytest.raises(InvalidState):
        services.quarantine(target=target, reason="r", actor=ADA)


def test_a_target_or_message_longer_than_its_column_is_refused() -> None:
    with pytest.raises(InvalidState, match="512 are allowed"):
        services.raise_kill(target="principal:" + "e" * 600, reason="r", actor=ADA)
    with pytest.raises(InvalidState, match="500 are allowed"):
        services.raise_kill(target="all", reason="r", actor=ADA, message="m" * 501)


def raise_until(ends: datetime | None, reason: str = "a test") -> KillSwitch:
    done = services.raise_kill(target="server:files", reason=reason, actor=ADA, expires_at=ends)
    assert done.switch is not None
    done.switch.refresh_from_db()
    return done.switch


def test_a_switch_that_was_raised_for_a_time_lowers_itself_when_that_is_over() -> None:
    switch = raise_until(datetime.now(UTC) + timedelta(hours=1))
    assert services.expire_kills() == 0
    KillSwitch.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert services.expire_kills() == 1
    switch.refresh_from_db()
    assert (switch.lowered_by, switch.lowered_reason) == ("drawbridge", "its time was over, as ada said")
    assert services.expire_kills() == 0
    assert state().kill_switches == ()
    assert [line["action"] for line in receipts()] == ["kill.raise", "kill.lower"]


def test_raising_again_makes_it_last_longer_and_never_shorter() -> None:
    hour, day = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) + timedelta(days=1)
    assert raise_until(day).expires_at == day
    assert raise_until(hour).expires_at == day
    assert raise_until(None).expires_at is None
    assert raise_until(day).expires_at is None
    assert [line["action"] for line in receipts()] == ["kill.raise", "kill.extend"]


def test_a_time_that_is_over_raises_nothing() -> None:
    with pytest.raises(InvalidState, match="is over already"):
        raise_until(datetime.now(UTC) - timedelta(seconds=1))
    assert not KillSwitch.objects.exists()
