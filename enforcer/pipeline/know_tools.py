"""Stage: before a tool of a server is called for the first time, the gate lists the server's tools itself.

What it sees is held against the declared or pinned definitions; a list that can't be had means that nothing is called.
"""

from dataclasses import replace

from enforcer.discovery.look import look
from enforcer.mcp import answers
from enforcer.mcp.answers import Answer
from enforcer.mcp.methods import Treatment
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction


async def know_tools(gate: Gate, tx: Transaction) -> Answer | None:
    """Only for calls, and only once; concurrent first calls list together."""
    assert tx.admitted is not None
    assert tx.policy is not None
    catalog = gate.catalog(tx.server_id)
    if tx.admitted.treatment is not Treatment.CALL or catalog.listed():
        return None
    tries = catalog.tries
    async with catalog.listing:
        if not catalog.listed() and catalog.tries == tries:
            catalog.failure = await look(gate, tx.server_id)
            catalog.tries += 1
        failure = catalog.failure
    if catalog.listed() or failure is None:
        return None
    assert tx.verdict is not None
    tx.verdict = replace(tx.verdict, detail=f"not sent: its tools can't be listed, upstream_{failure.kind}")
    return answers.failed(tx.admitted, failure.kind, tx.receipt_id)
