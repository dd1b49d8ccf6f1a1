"""Stage: the credential for the upstream. The client's own token never goes there; without a choice nothing does."""

from enforcer.mcp.answers import Answer
from enforcer.pipeline import replies
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction, Verdict
from enforcer.policy.credential import credential_refusal


async def attach_credential(gate: Gate, tx: Transaction) -> Answer | None:
    """The mode `none` sends none; every other refuses."""
    assert tx.policy is not None
    code = credential_refusal(tx.policy.index)
    return None if code is None else replies.deny(gate, tx, Verdict.deny(code))
