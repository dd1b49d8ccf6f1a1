"""Stage: the credential for the upstream. The client's own token never goes there; without a choice nothing does."""

from dataclasses import replace

from enforcer.mcp.answers import Answer
from enforcer.pipeline import replies
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction
from enforcer.policy.credential import credential_refusal


async def attach_credential(gate: Gate, tx: Transaction) -> Answer | None:
    """The mode `none` sends none; every other refuses."""
    assert tx.policy is not None
    code = credential_refusal(tx.policy.index)
    if code is None:
        return None
    assert tx.verdict is not None  # it was allowed: by which grant, the receipt keeps
    return replies.deny(gate, tx, replace(tx.verdict, result="deny", reasons=(code,), told=(code,)))
