"""Switches, revocations and quarantines over the API."""

import pytest

from controlplane.common.actor import Right
from controlplane.incidents.models import KillSwitch, Quarantine, RevokedPrincipal, RevokedToken
from controlplane.policy.models import Change
from controlplane.principals.models import IssuedToken
from tests.controlplane.api.asking import asker, done, problem
from tests.controlplane.factories import PrincipalFactory, ServerFactory

pytestmark = pytest.mark.django_db
RAISE = {"target": "all", "reason": "a leak"}


def test_a_switch_is_raised_once_seen_and_lowered() -> None:
    ServerFactory(id="files")
    responder = asker(Right.VIEW, Right.RAISE_KILL, Right.LOWER_KILL)
    raised = done(responder.post("/kill-switches/raise", {**RAISE, "message": "ask ada"}), 201)
    assert raised["change_ids"] == [Change.objects.get().pk]
    assert (raised["kill_switch"]["target"], raised["kill_switch"]["raised_by"]) == ("all", "token:ci")
    assert done(responder.post("/kill-switches/raise", RAISE))["change_ids"] == []
    listed = done(responder.get("/kill-switches?raised=true"))
    assert [switch["id"] for switch in listed["results"]] == [raised["kill_switch"]["id"]]
    lowered = done(responder.post("/kill-switches/lower", {"target": "all", "reason": "mended"}))
    assert lowered["kill_switch"]["lowered_by"] == "token:ci"
    assert not KillSwitch.objects.filter(lowered_at__isnull=True).exists()
    assert done(responder.get("/kill-switches?raised=true"))["results"] == []


def test_lowering_what_is_not_raised_changes_nothing() -> None:
    assert done(asker().post("/kill-switches/lower", RAISE)) == {"kill_switch": None, "change_ids": []}


def test_what_is_no_target_is_refused_and_nothing_is_raised() -> None:
    answer = asker().post("/kill-switches/raise", {"target": "everything", "reason": "x"})
    assert problem(answer)["status"] == 422
    assert not KillSwitch.objects.exists()


def test_raising_needs_its_right_and_lowering_another() -> None:
    assert problem(asker(Right.VIEW).post("/kill-switches/raise", RAISE))["code"] == "raise_kill"
    assert problem(asker(Right.RAISE_KILL).post("/kill-switches/lower", RAISE))["code"] == "lower_kill"


def test_a_principal_is_revoked_and_restored() -> None:
    PrincipalFactory(subject="ada")
    body = {"subject": "ada", "reason": "stolen laptop"}
    done(asker().post("/revocations/principals", body), 201)
    assert done(asker().get("/revocations/principals?subject=ada"))["results"][0]["reason"] == "stolen laptop"
    done(asker().post("/revocations/principals/restore", body))
    assert not RevokedPrincipal.objects.exists()


def test_a_token_is_revoked_for_good() -> None:
    IssuedToken.objects.create(
        jti="abc", subject="ada", issued_by="x", issued_at="2026-01-01T00:00Z", expires_at="2100-01-01T00:00Z"
    )
    done(asker().post("/revocations/tokens", {"jti": "abc", "reason": "in a log"}), 201)
    assert RevokedToken.objects.get().actor == "token:ci"
    assert [row["jti"] for row in done(asker().get("/revocations/tokens"))["results"]] == ["abc"]


def test_a_principal_is_held_and_let_go() -> None:
    body = {"target": "principal:ada", "reason": "odd"}
    done(asker().post("/quarantines", body), 201)
    assert [row["target"] for row in done(asker().get("/quarantines"))["results"]] == ["principal:ada"]
    done(asker().post("/quarantines/end", body))
    assert not Quarantine.objects.exists()
