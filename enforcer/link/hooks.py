"""What the link tells the rest of the enforcer, and asks it. Set before the link runs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from enforcer.contract.fleet import ServerState
from enforcer.link.local_stop import Stop
from enforcer.link.state import Applied


def _as_it_is(_server_id: str, state: ServerState) -> ServerState:
    return state


async def _not_kept(_stop: Stop) -> bool:
    return False


@dataclass(slots=True)
class Hooks:
    """`on_change`: another snapshot or incident state of a server is in force, or none is any more.

    `on_ack`: an ack envelope, unverified. `in_flight_matching`: calls of a server that a kill stopped and that have not
    ended. `under_way`: of a server, calls that have not ended, and open sessions. `journal_depth`: receipts not yet
    acknowledged. `warnings`: for the heartbeat. `on_rejected`: a document for a server was refused. `on_incident`:
    another incident state is in force, so many seconds after its news came, and after it was signed. `on_local_stop`:
    keeps a receipt of who stopped this enforcer on its host, or let it go. `on_state`: something that workers are told
    may be another. `slowest`: what of a state all workers have reached.
    """

    on_change: Callable[[str, Applied | None], None] = lambda _server_id, _applied: None
    on_ack: Callable[[bytes], None] = lambda _envelope: None
    in_flight_matching: Callable[[str], int] = lambda _server_id: 0
    under_way: Callable[[str], tuple[int, int]] = lambda _server_id: (0, 0)
    journal_depth: Callable[[], int] = lambda: 0
    warnings: Callable[[], Sequence[str]] = tuple
    on_rejected: Callable[[str], None] = lambda _server_id: None
    on_local_stop: Callable[[Stop], Awaitable[bool]] = _not_kept
    on_incident: Callable[[str, float, float], None] = lambda _server_id, _apply_s, _age_s: None
    on_state: Callable[[], None] = lambda: None
    slowest: Callable[[str, ServerState], ServerState] = _as_it_is
