"""Stage: the credential for the upstream. The client's own token never goes there; without a choice nothing does."""

from enforcer.contract.reasons import ReasonCode
from enforcer.mcp.answers import Answer
from enforcer.pipeline import replies
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction, Verdict


async def attach_credential(gate: Gate, tx: Transaction) -> Answer | None:
    """`none` sends none; a mode that this version does not serve is refused at save, and here once more."""
    assert tx.policy is not None
    mode = tx.policy.index.snapshot.server.credential.mode
    if mode == "none":
        return None
    code = ReasonCode.DENY_PASSTHROUGH_BLOCKED if mode == "unset" else ReasonCode.DENY_CREDENTIAL_UNAVAILABLE
    return replies.deny(gate, tx, Verdict.deny(code))
