"""One look at a server's tools: list them all, take them into the catalog. A list that can't be had holds nothing up
but calls: what was seen before stands."""

import asyncio
import logging

from enforcer.discovery.lister import TIMEOUT_S
from enforcer.mcp.upstream.base import UpstreamFailure
from enforcer.pipeline.gate import Gate
from enforcer.policy.credential import credential_refusal

log = logging.getLogger(__name__)


async def look(gate: Gate, server_id: str) -> UpstreamFailure | None:
    """By the newest policy; why it failed. Callers hold `catalog.listing`."""
    catalog = gate.catalog(server_id)
    policy = gate.link.current(server_id)
    if policy is None:
        return UpstreamFailure("unavailable", "there is no policy any more", sent=False)
    snapshot = policy.index.snapshot
    if credential_refusal(policy.index) is not None:  # nothing at all is sent (CONTRACTS section 5)
        return UpstreamFailure("unavailable", "nobody chose a credential for it", sent=False)
    catalog.wanted.clear()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            upstream = await gate.servers[server_id].upstream(policy)
            definitions = await gate.lister(server_id).all_tools(upstream, snapshot.server.limits.max_response_bytes)
    except TimeoutError:
        failure = UpstreamFailure("timeout", f"no whole list within {TIMEOUT_S:g} s")
    except UpstreamFailure as problem:
        failure = problem
    else:
        catalog.learn(policy.index, definitions)
        return None
    gate.metrics.upstream_failures.labels(server_id, f"upstream_{failure.kind}").inc()
    log.warning("%s: its tools can't be listed: %s", server_id, failure)
    return failure
