"""Every answer that a client can get, as HTTP status and JSON-RPC document (CONTRACTS section 4).

An upstream's own error text is in none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import orjson

from enforcer.contract.reasons import ReasonCode, explanation
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.mcp.admitted import Admitted
from enforcer.mcp.faults import AUTHENTICATION, INTERNAL, POLICY, UPSTREAM, UPSTREAM_CODES, Fit, Refusal, RequestId

FailureKind = Literal["unavailable", "invalid", "timeout"]
_FAILED = {
    "unavailable": "The server can't be reached.",
    "invalid": "The server's answer can't be used.",
    "timeout": "The server did not answer in time.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; no body is an empty one."""

    status: int
    body: JsonObject | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self) -> bytes:
        """The body's bytes."""
        return b"" if self.body is None else orjson.dumps(self.body)


@dataclass(frozen=True, slots=True)
class Denial:
    """What the caller may know of a refusal. The first reason is the main one."""

    reasons: tuple[ReasonCode, ...]
    receipt_id: str
    decision: Literal["deny", "require_approval"] = "deny"
    retry_after_s: float | None = None
    approval_id: str | None = None
    approval_url: str | None = None

    def data(self) -> JsonObject:
        """`error.data`."""
        message, remedy = explanation(self.reasons)
        made: JsonObject = {
            "reason_codes": [str(code) for code in self.reasons],
            "decision": self.decision,
            "receipt_id": self.receipt_id,
            "message": message,
            "remedy": remedy,
            "approval_id": self.approval_id,
            "approval_url": self.approval_url,
            "retry_after_s": self.retry_after_s,
        }
        return {key: value for key, value in made.items() if value is not None}


def naming(answer: Answer, receipt_id: str) -> Answer:
    """The same refusal, with another receipt that tells of it."""
    error = (answer.body or {}).get("error")
    data = error.get("data") if isinstance(error, dict) else None
    if answer.body is None or not isinstance(error, dict) or not isinstance(data, dict):
        return answer
    told = {**answer.body, "error": {**error, "data": {**data, "receipt_id": receipt_id}}}
    return Answer(answer.status, told, answer.headers)


def result(admitted: Admitted, body: JsonObject) -> Answer:
    """The request's result under the id that the client gave it."""
    return Answer(200, {"jsonrpc": "2.0", "id": admitted.id, "result": body})


def opened(admitted: Admitted, body: JsonObject, session_id: str) -> Answer:
    """Of `initialize`: the result, and the session by which the client goes on."""
    answer = result(admitted, body)
    return Answer(answer.status, answer.body, (("Mcp-Session-Id", session_id),))


def empty_result(admitted: Admitted) -> Answer:
    """Of `ping` and `logging/setLevel`."""
    return result(admitted, {})


def accepted() -> Answer:
    """A notification was taken; nobody says what became of it."""
    return Answer(202)


def ended() -> Answer:
    """DELETE: the session is over."""
    return Answer(200)


def malformed(refusal: Refusal, receipt_id: str) -> Answer:
    """What the protocol says to a request that is none, or that disagrees with itself."""
    data = {**Denial(refusal.reasons, receipt_id).data(), **refusal.data}
    return _error(refusal.fit, refusal.id, refusal.sentence, data, refusal.headers)


def unauthenticated(
    denial: Denial, *, metadata_url: str, token_sent: bool, request_id: RequestId | None = None
) -> Answer:
    """401 (RFC 6750 section 3: no error code where no token was sent; RFC 9728 section 5.1)."""
    challenge = f'Bearer resource_metadata="{metadata_url}"'
    data = denial.data()
    if token_sent:
        challenge += f', error="invalid_token", error_description="{data["message"]}"'
    headers = (("WWW-Authenticate", challenge),)
    return _error(AUTHENTICATION, request_id, str(data["message"]), data, headers)


def metadata_url(public_url: str, resource_path: str) -> str:
    """Where RFC 9728 section 3.1 wants the metadata: the well-known part between host and path."""
    base = urlsplit(public_url)
    path = base.path.rstrip("/") + resource_path
    return f"{base.scheme}://{base.netloc}/.well-known/oauth-protected-resource{path}"


def denied(admitted: Admitted, denial: Denial, *, form: Literal["error", "result"] = "error") -> Answer:
    """The policy's no. `form` is the enforcer file's `denials`: a result is what the model itself reads."""
    if form == "result" and admitted.method == "tools/call":
        return result(admitted, _denied_result(admitted, denial))
    return denied_unread(admitted.id, denial)


def denied_unread(request_id: RequestId | None, denial: Denial) -> Answer:
    """The same to a message that nobody has admitted yet."""
    data = denial.data()
    return _error(POLICY, request_id, str(data["message"]), data)


def failed(admitted: Admitted, kind: FailureKind, receipt_id: str) -> Answer:
    """The call was allowed and the upstream gave nothing that can be used."""
    data = _allowed(receipt_id, f"upstream_{kind}", _FAILED[kind])
    return _error(UPSTREAM, admitted.id, _FAILED[kind], data)


def upstream_error(admitted: Admitted, code: JsonValue, receipt_id: str) -> Answer:
    """The upstream answered with an error: its code, where a client may act on it, under a sentence of ours."""
    sentence = "The server answered with an error."
    data = _allowed(receipt_id, "upstream_error", sentence)
    if isinstance(code, bool) or not isinstance(code, int) or code not in UPSTREAM_CODES:
        return _error(UPSTREAM, admitted.id, sentence, data)
    status = UPSTREAM_CODES[code] if admitted.era == "modern" else 200
    return _error(Fit(status, code), admitted.id, sentence, data)


def internal(receipt_id: str, request_id: RequestId | None = None) -> Answer:
    """Our own fault; nothing passed."""
    data = Denial((ReasonCode.DENY_INTERNAL_ERROR,), receipt_id).data()
    return _error(INTERNAL, request_id, str(data["message"]), data)


def _allowed(receipt_id: str, reason: str, sentence: str) -> JsonObject:
    return {
        "reason": reason,
        "reason_codes": [str(ReasonCode.ALLOW_POLICY_MATCH)],
        "decision": "allow",
        "receipt_id": receipt_id,
        "message": sentence,
        "remedy": "Try again in a moment; if it stays, tell the people who run the server.",
    }


def _denied_result(admitted: Admitted, denial: Denial) -> JsonObject:
    message, remedy = explanation(denial.reasons)
    codes = ", ".join(denial.reasons)
    text = f"{message} {remedy} ({codes}; receipt {denial.receipt_id})"
    if denial.approval_url:
        text += f" {denial.approval_url}"
    made: JsonObject = {"content": [{"type": "text", "text": text}], "isError": True}
    return made if admitted.era == "legacy" else {**made, "resultType": "complete"}


def _error(
    fit: Fit,
    request_id: RequestId | None,
    message: str,
    data: JsonObject,
    headers: Sequence[tuple[str, str]] = (),
) -> Answer:
    error: JsonObject = {"code": fit.code, "message": message, "data": data}
    return Answer(fit.status, {"jsonrpc": "2.0", "id": request_id, "error": error}, tuple(headers))
