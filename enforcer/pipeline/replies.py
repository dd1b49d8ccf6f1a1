"""From what the stages found to what the client is told. The receipt id is known before the receipt is written."""

from typing import Literal

from enforcer.mcp import answers
from enforcer.mcp.answers import Answer, Denial
from enforcer.mcp.faults import Refusal, RequestId
from enforcer.mcp.messages import read_message
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction, Verdict


def refuse(tx: Transaction, refusal: Refusal) -> Answer:
    """The request is malformed, or disagrees with itself."""
    tx.verdict = Verdict.deny(*refusal.reasons, detail=refusal.sentence)
    tx.refused_method = refusal.method
    return answers.malformed(refusal, tx.receipt_id)


def deny(gate: Gate, tx: Transaction, verdict: Verdict) -> Answer:
    """The policy's no, or ours."""
    tx.verdict = verdict
    denial = _denial(tx, verdict)
    if tx.admitted is None:
        return answers.denied_unread(_request_id(tx), denial)
    return answers.denied(tx.admitted, denial, form=gate.config.file.denials)


def unauthenticated(gate: Gate, tx: Transaction, verdict: Verdict, *, token_sent: bool) -> Answer:
    """401 and where to get a token."""
    tx.verdict = verdict
    return answers.unauthenticated(
        _denial(tx, verdict),
        metadata_url=answers.metadata_url(gate.config.file.public_url, tx.request.path),
        token_sent=token_sent,
        request_id=_request_id(tx),
    )


def internal(tx: Transaction) -> Answer:
    """Our own fault."""
    return answers.internal(tx.receipt_id, _request_id(tx))


def interrupted(tx: Transaction) -> Answer:
    """The gate stops: of what may have been sent nobody can say that it was refused."""
    if tx.admitted is None or tx.outcome is None:
        return internal(tx)
    return answers.failed(tx.admitted, "unavailable", tx.receipt_id)


def _denial(tx: Transaction, verdict: Verdict) -> Denial:
    decision: Literal["deny", "require_approval"] = (
        "require_approval" if verdict.result == "require_approval" else "deny"
    )
    return Denial(verdict.told, tx.receipt_id, decision, verdict.retry_after_s)


def _request_id(tx: Transaction) -> RequestId | None:
    """Of a message that was not admitted yet, so that its client can tell which one was refused."""
    if tx.admitted is not None:
        return tx.admitted.id
    if tx.request.method != "POST":
        return None
    return read_message(tx.request.body, max_bytes=len(tx.request.body)).id
