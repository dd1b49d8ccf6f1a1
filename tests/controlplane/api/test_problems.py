"""Every refusal under /api/ has the one form."""

from typing import Any

import pytest
from django.db import OperationalError

from controlplane.common.actor import Right
from controlplane.common.errors import StackUnreachable
from controlplane.incidents import services
from tests.controlplane.api.asking import asker, nobody, problem

pytestmark = pytest.mark.django_db
RAISE = {"target": "all", "reason": "x"}


def test_without_a_token_it_is_401_and_says_how_to_sign_in() -> None:
    answer = nobody().get("/kill-switches")
    assert problem(answer)["status"] == 401
    assert answer.headers["WWW-Authenticate"] == 'Token realm="drawbridge"'


def test_a_missing_right_is_403_and_named() -> None:
    said = problem(asker(Right.VIEW).post("/kill-switches/raise", RAISE))
    assert (said["status"], said["code"]) == (403, "raise_kill")
    assert "'raise_kill'" in said["detail"]


@pytest.mark.parametrize("path", ["/nothing", "/kill-switches/9999", "/kill-switches/x", "/%00", "/kill-switches/"])
def test_an_address_that_does_not_exist_is_404(path: str) -> None:
    assert problem(asker().get(path))["status"] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_outside_of_v1_there_is_nothing_either(method: str) -> None:
    assert problem(asker().send(method, "/../v2/x"))["status"] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_a_method_that_is_not_served_is_405(method: str) -> None:
    answer = asker().send(method, "/kill-switches")
    assert problem(answer)["status"] == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_a_form_that_is_not_spoken_is_406_and_one_that_is_not_read_415() -> None:
    assert problem(asker().get("/kill-switches", Accept="text/html"))["status"] == 406
    assert problem(asker().post("/kill-switches/raise", b"target=all", Content_Type="text/plain"))["status"] == 415


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"target": "all", "target": "all", "reason": "x"}', b'{"target": NaN}', b'["\\ud800"]',
     b'{"target": "all", "reason": "a\\u0000b"}', b"[" * 100],
)  # fmt: skip
def test_a_body_that_can_be_read_in_two_ways_or_none_is_400(body: bytes) -> None:
    assert problem(asker().post("/kill-switches/raise", body))["status"] in (400, 422 if body == b"" else 400)


def test_a_body_beyond_the_limit_is_413() -> None:
    assert problem(asker().post("/kill-switches/raise", b'"' + b"a" * 1_000_001 + b'"'))["status"] == 413


def test_what_is_wrong_in_a_body_is_told_all_at_once_with_pointers() -> None:
    said = problem(asker().post("/kill-switches/raise", {"target": 5, "a/b~c": 1}))
    assert said["status"] == 422
    assert {error["pointer"]: error["detail"] for error in said["errors"]} == {
        "/target": "is a whole number",
        "/reason": "is missing",
        "/a~1b~0c": "unknown key",
    }
    assert all(error["right"] for error in said["errors"])


@pytest.mark.parametrize("body", [[], "all", 5, None])
def test_a_body_that_is_no_mapping_says_so_once(body: Any) -> None:
    said = problem(asker().post("/kill-switches/raise", body if body is not None else b"null"))
    assert [error["pointer"] for error in said["errors"]] == [""]


def test_a_fault_of_our_own_says_nothing_but_a_reference_that_the_log_knows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: Any) -> None:
        raise KeyError("a secret detail")

    monkeypatch.setattr(services, "raise_kill", broken)
    answer = asker().post("/kill-switches/raise", RAISE)
    said = problem(answer)
    assert said["status"] == 500
    assert b"secret" not in answer.content
    assert said["reference"] in caplog.text


@pytest.mark.parametrize("error", [StackUnreachable("the publisher doesn't answer"), OperationalError("locked")])
def test_a_part_that_does_not_answer_is_503(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def unreachable(**_: Any) -> None:
        raise error

    monkeypatch.setattr(services, "raise_kill", unreachable)
    assert problem(asker().post("/kill-switches/raise", RAISE))["status"] == 503
