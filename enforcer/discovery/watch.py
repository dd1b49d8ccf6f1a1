"""Looks again and again: at the start, on a timer, when the server says that its list changed, when a page shows it."""

import asyncio
import logging
import random
from contextlib import suppress

from enforcer.discovery.look import look
from enforcer.discovery.reports import report
from enforcer.pipeline.gate import Gate

log = logging.getLogger(__name__)
PAUSE_S = 1.0  # between two looks, however often a server says that its list changed
UNLISTED_S = 5.0  # a server that starts later than its gate
TURN_S = 0.2


async def watch(gate: Gate, server_id: str, every_s: float) -> None:
    """Until cancelled. A bug in a look must end neither the others nor the gate: calls go on as decided before."""
    while True:
        try:
            await _turns(gate, server_id, every_s)
        except Exception:  # the outermost place of this loop; everything expected is caught inside
            log.exception("looking at the tools of %s failed and starts again", server_id)
        await asyncio.sleep(PAUSE_S)


async def _turns(gate: Gate, server_id: str, every_s: float) -> None:
    catalog = gate.catalog(server_id)
    while True:
        if gate.link.current(server_id) is None:
            await asyncio.sleep(TURN_S)
            continue
        async with catalog.listing:
            catalog.failure = await look(gate, server_id)
            catalog.tries += 1
        pause_s = every_s if catalog.listed() else min(every_s, UNLISTED_S)
        await _until_next(gate, server_id, pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load


async def _until_next(gate: Gate, server_id: str, wait_s: float) -> None:
    """Report what there is, now and whenever another policy might know less."""
    catalog, loop = gate.catalog(server_id), asyncio.get_running_loop()
    end, seen = loop.time() + wait_s, None
    while (left := end - loop.time()) > 0:
        policy = gate.link.current(server_id)
        if policy is not seen or catalog.left_out:
            await report(gate, server_id)
            seen = policy
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left, PAUSE_S)):
                await catalog.wanted.wait()
            await asyncio.sleep(PAUSE_S)
            return
