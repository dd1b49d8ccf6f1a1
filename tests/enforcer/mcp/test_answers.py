"""The documents of CONTRACTS section 4, exactly."""

import json
from typing import Any

import pytest

from enforcer.contract.reasons import EXPLANATIONS, ReasonCode
from enforcer.contract.strict_json import JsonValue
from enforcer.mcp import answers
from enforcer.mcp.admission import Refusal
from enforcer.mcp.answers import Answer, Denial
from enforcer.mcp.faults import FITS, Fault
from tests.enforcer.mcp.cases import a_session, admit, call, legacy, modern, passed, some_sessions

NO_RULE = Denial((ReasonCode.DENY_NO_MATCHING_RULE,), "r-1")


def body(answer: Answer) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(answer.encoded())
    return made


def test_the_policys_no_is_an_error_with_status_200() -> None:
    answer = answers.denied(passed(call()), NO_RULE)
    message, remedy = EXPLANATIONS[ReasonCode.DENY_NO_MATCHING_RULE]
    assert answer.status == 200
    assert body(answer) == {
        "jsonrpc": "2.0",
        "id": 1,
        "error": {
            "code": -32003,
            "message": message,
            "data": {
                "reason_codes": ["DENY_NO_MATCHING_RULE"],
                "decision": "deny",
                "receipt_id": "r-1",
                "message": message,
                "remedy": remedy,
            },
        },
    }


def test_an_approval_says_where_and_a_rate_says_when() -> None:
    asked = Denial((ReasonCode.REQUIRE_APPROVAL,), "r", "require_approval", approval_id="a", approval_url="http://x/a")
    data = body(answers.denied(passed(call()), asked))["error"]["data"]
    assert (data["decision"], data["approval_id"], data["approval_url"]) == ("require_approval", "a", "http://x/a")
    limited = Denial((ReasonCode.DENY_RATE_LIMIT,), "r", retry_after_s=1.5)
    assert body(answers.denied(passed(call()), limited))["error"]["data"]["retry_after_s"] == 1.5


def test_a_no_that_the_model_reads_is_a_result_of_its_era() -> None:
    result = body(answers.denied(passed(call()), NO_RULE, form="result"))["result"]
    assert (result["isError"], result["resultType"]) == (True, "complete")
    text = result["content"][0]["text"]
    assert "DENY_NO_MATCHING_RULE" in text
    assert "r-1" in text
    sessions = some_sessions()
    old = passed(legacy(a_session(sessions), "tools/call", {"name": "echo"}), sessions)
    assert "resultType" not in body(answers.denied(old, NO_RULE, form="result"))["result"]


def test_other_methods_are_denied_by_an_error_in_either_form() -> None:
    assert body(answers.denied(passed(modern("tools/list")), NO_RULE, form="result"))["error"]["code"] == -32003


def test_a_denial_before_admission_carries_the_id_that_could_be_read() -> None:
    unavailable = Denial((ReasonCode.DENY_POLICY_UNAVAILABLE,), "r")
    made = body(answers.denied_unread("x", unavailable))
    assert (made["id"], made["error"]["code"]) == ("x", -32003)
    assert body(answers.denied_unread(None, unavailable))["id"] is None


def test_the_challenge_names_an_error_only_where_a_token_was_sent() -> None:
    url = answers.metadata_url("https://gw.example/fs", "/mcp/files")
    assert url == "https://gw.example/.well-known/oauth-protected-resource/fs/mcp/files"
    none = answers.unauthenticated(Denial((ReasonCode.DENY_NO_AUTHN,), "r"), metadata_url=url, token_sent=False)
    assert none.status == 401
    assert none.headers == (("WWW-Authenticate", f'Bearer resource_metadata="{url}"'),)
    assert (body(none)["error"]["code"], body(none)["id"]) == (-32001, None)
    bad = Denial((ReasonCode.DENY_INVALID_TOKEN, ReasonCode.DENY_NO_AUTHN), "r")
    sent = answers.unauthenticated(bad, metadata_url=url, token_sent=True, request_id="x")
    assert 'error="invalid_token", error_description="' in sent.headers[0][1]
    assert body(sent)["error"]["data"]["reason_codes"] == ["DENY_INVALID_TOKEN", "DENY_NO_AUTHN"]
    assert body(sent)["id"] == "x"


def test_no_explanation_can_break_the_challenge() -> None:
    for message, _ in EXPLANATIONS.values():
        assert message.isascii()
        assert '"' not in message
        assert "\\" not in message


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_status_a_code_a_reason_and_the_whole_data(fault: Fault) -> None:
    answer = answers.malformed(Refusal(fault, "A sentence.", id="x", headers=(("Allow", "POST"),)), "r-1")
    (status, code), reason = FITS[fault]
    assert answer.status == status
    assert answer.headers == (("Allow", "POST"),)
    error = body(answer)["error"]
    assert (error["code"], error["message"]) == (code, "A sentence.")
    assert set(error["data"]) == {"reason_codes", "decision", "receipt_id", "message", "remedy"}
    assert error["data"]["reason_codes"] == [reason]


def test_an_unserved_version_is_told_what_is_served() -> None:
    found = admit(modern("x", {"_meta": {}}, {"mcp-protocol-version": "2030-01-01"}))
    assert isinstance(found, Refusal)
    data = body(answers.malformed(found, "r"))["error"]["data"]
    assert (data["supported"], data["requested"], data["receipt_id"]) == (["2026-07-28"], "2030-01-01", "r")


@pytest.mark.parametrize("kind", ["unavailable", "invalid", "timeout"])
def test_a_failed_upstream_is_an_error_with_a_reason_and_none_of_its_text(kind: answers.FailureKind) -> None:
    answer = answers.failed(passed(call()), kind, "r-1")
    assert answer.status == 200
    error = body(answer)["error"]
    assert (error["code"], error["data"]["reason"], error["data"]["receipt_id"]) == (-32603, f"upstream_{kind}", "r-1")


def test_an_upstreams_error_keeps_a_code_that_a_client_may_act_on() -> None:
    new = passed(call())
    sessions = some_sessions()
    old = passed(legacy(a_session(sessions), "tools/call", {"name": "echo"}), sessions)
    rows: list[tuple[JsonValue, int, int]] = [
        (-32601, 404, -32601),
        (-32602, 400, -32602),
        (-32042, 200, -32603),
        (1, 200, -32603),
        ("x", 200, -32603),
    ]
    for code, status, told in rows:
        answer = answers.upstream_error(new, code, "r")
        assert (answer.status, body(answer)["error"]["code"]) == (status, told)
        answer = answers.upstream_error(old, code, "r")
        assert (answer.status, body(answer)["error"]["code"]) == (200, told)


def test_our_own_fault_is_told_as_ours() -> None:
    error = body(answers.internal("r-1", 5))["error"]
    assert (error["code"], error["data"]["reason_codes"]) == (-32603, ["DENY_INTERNAL_ERROR"])


def test_good_answers_carry_the_clients_id_and_a_session_only_where_one_was_opened() -> None:
    found = passed(modern("tools/list", id="1"))
    assert body(answers.result(found, {"tools": []})) == {"jsonrpc": "2.0", "id": "1", "result": {"tools": []}}
    assert answers.opened(found, {}, "s-1").headers == (("Mcp-Session-Id", "s-1"),)
    assert body(answers.empty_result(found))["result"] == {}
    assert (answers.accepted().status, answers.accepted().encoded()) == (202, b"")
    assert answers.ended().status == 200
