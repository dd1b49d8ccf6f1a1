"""Switches, revocations and quarantines over the API."""

import pytest
from django.utils import timezone

from controlplane.common.actor import Actor, Right
from controlplane.incidents.lowering import ASKED_FOR, lower_by_two
from controlplane.incidents.models import EgressBlock, KillSwitch, Quarantine, RevokedPrincipal, RevokedToken
from controlplane.incidents.services import raise_kill
from controlplane.policy.models import Change
from controlplane.principals.models import IssuedToken
from tests.controlplane.actors import ADA
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
    asked = done(responder.post("/kill-switches/lower", {"target": "all", "reason": "mended"}), 202)
    assert (asked["kill_switch"]["asked_by"], asked["kill_switch"]["lowered_at"]) == ("token:ci", None)
    again = responder.post("/kill-switches/lower", {"target": "all", "reason": "mended"})
    assert problem(again)["code"] == "second_person"
    second = asker(Right.LOWER_KILL, name="other")
    lowered = done(second.post("/kill-switches/lower", {"target": "all", "reason": "seen"}))
    assert lowered["kill_switch"]["lowered_by"] == "token:other"
    assert not KillSwitch.objects.filter(lowered_at__isnull=True).exists()
    assert done(responder.get("/kill-switches?raised=true"))["results"] == []


def test_a_switch_may_be_raised_for_a_time() -> None:
    until = done(asker().post("/kill-switches/raise", {**RAISE, "expires_at": "2099-01-31T12:00:00Z"}), 201)
    assert until["kill_switch"]["expires_at"] == "2099-01-31T12:00:00Z"
    assert asker().post("/kill-switches/raise", {**RAISE, "expires_at": "soon"}).status_code == 422
    assert asker().post("/kill-switches/raise", {**RAISE, "expires_at": "2001-01-01"}).status_code == 422


def test_who_made_the_token_is_no_second_person() -> None:
    raise_kill(target="all", reason="x", actor=ADA)
    maker = Actor("maker of ci", frozenset(Right))
    lower_by_two(target="all", reason="please", actor=maker)
    answer = asker(name="ci").post("/kill-switches/lower", {"target": "all", "reason": "mended"})
    assert problem(answer)["code"] == "second_person"
    assert KillSwitch.objects.get().lowered_at is None


def test_what_was_asked_for_lapses_after_a_day_and_may_be_answered_with_no() -> None:
    raise_kill(target="all", reason="x", actor=ADA)
    lower_by_two(target="all", reason="please", actor=ADA)
    assert done(asker().post("/kill-switches/keep", {"target": "all", "reason": "not yet"})) == {"change_ids": []}
    assert KillSwitch.objects.get().asked_by == ""
    lower_by_two(target="all", reason="please", actor=ADA)
    KillSwitch.objects.update(asked_at=timezone.now() - ASKED_FOR)
    assert asker(name="other").post("/kill-switches/lower", {"target": "all", "reason": "late"}).status_code == 202
    assert KillSwitch.objects.get().asked_by == "token:other"


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
    assert done(asker().post("/revocations/principals/restore", body), 202) == {"change_ids": []}
    assert problem(asker().post("/revocations/principals/restore", body))["code"] == "second_person"
    assert done(asker().get("/revocations/principals"))["results"][0]["asked_by"] == "token:ci"
    done(asker(name="other").post("/revocations/principals/restore", body))
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
    done(asker().post("/quarantines/end", body), 202)
    done(asker(name="other").post("/quarantines/end", body))
    assert not Quarantine.objects.exists()
    assert done(asker().post("/quarantines/end", body)) == {"change_ids": []}


def test_the_egress_of_a_server_is_blocked_and_given_back() -> None:
    ServerFactory(id="files")
    body = {"server": "files", "reason": "it calls home"}
    assert len(done(asker().post("/egress-blocks", body), 201)["change_ids"]) == 1
    assert done(asker().post("/egress-blocks", body)) == {"change_ids": []}
    assert [row["server"] for row in done(asker().get("/egress-blocks"))["results"]] == ["files"]
    done(asker().post("/egress-blocks/end", body), 202)
    assert len(done(asker(name="other").post("/egress-blocks/end", body))["change_ids"]) == 1
    assert not EgressBlock.objects.exists()


def test_a_block_of_a_server_that_nobody_knows_is_refused() -> None:
    assert "no server 'fils'" in str(problem(asker().post("/egress-blocks", {"server": "fils", "reason": "x"})))
