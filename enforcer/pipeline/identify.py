"""Stages: a policy to decide by, and who is calling. The policy comes first: issuers and keys come with it."""

from enforcer.contract.reasons import ReasonCode
from enforcer.identity.tokens import TokenProblem, verify_token
from enforcer.link.state import Applied
from enforcer.mcp.answers import Answer
from enforcer.mcp.requests import HttpRequest
from enforcer.pipeline import replies
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction, Verdict
from enforcer.policy.access import access
from enforcer.policy.call import Caller


async def require_policy(gate: Gate, tx: Transaction) -> Answer | None:
    """The newest verified policy of this server; the message keeps it to its end."""
    tx.policy = gate.link.current(tx.server_id)
    if tx.policy is not None:
        return None
    return replies.deny(gate, tx, Verdict.deny(ReasonCode.DENY_POLICY_UNAVAILABLE))


async def authenticate(gate: Gate, tx: Transaction) -> Answer | None:
    """A bearer token in the Authorization header and nowhere else (RFC 6750 section 2.1), not revoked."""
    assert tx.policy is not None
    token = _bearer(tx.request)
    if token is None:
        return replies.unauthenticated(gate, tx, Verdict.deny(ReasonCode.DENY_NO_AUTHN), token_sent=False)
    caller = _verified(gate, tx, token, tx.policy)
    if isinstance(caller, TokenProblem):
        codes = (ReasonCode.DENY_INVALID_TOKEN, ReasonCode.DENY_NO_AUTHN)
        return replies.unauthenticated(gate, tx, Verdict.deny(*codes, detail=caller.detail), token_sent=True)
    tx.caller = caller
    index, incident = tx.policy.index, tx.policy.incident
    decision = access(index, incident, caller, tx.enforcer_id, gate.link.lease_age(tx.server_id), gate.wall())
    if ReasonCode.DENY_INVALID_TOKEN in decision.reasons:
        return replies.unauthenticated(gate, tx, Verdict.of(decision), token_sent=True)
    return None


def token_problem(gate: Gate, tx: Transaction) -> TokenProblem | None:
    """Whether the token of a message that lasts is still accepted: it expires, and what verifies it changes."""
    caller = _verified(gate, tx, _bearer(tx.request) or "", gate.link.current(tx.server_id) or tx.policy)
    return caller if isinstance(caller, TokenProblem) else None


def _bearer(request: HttpRequest) -> str | None:
    header = request.first("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _verified(gate: Gate, tx: Transaction, token: str, policy: Applied | None) -> Caller | TokenProblem:
    assert policy is not None
    snapshot, now = policy.index.snapshot, gate.wall()
    known = gate.tokens.get(token, tx.server_id, snapshot.order, now)
    if known is not None:
        return known
    caller = verify_token(token, snapshot=snapshot, now=now)
    if isinstance(caller, Caller):
        gate.tokens.put(token, tx.server_id, snapshot.order, caller)
    return caller
