"""Acknowledgements: what the database holds of an enforcer's chains, signed, so that its journal may forget it."""

import time
from collections.abc import Iterator

from controlplane.fleet.models import ACTIVE, Enforcer
from controlplane.policy.publisher.keys import KeyRing
from controlplane.policy.publisher.mirror import Entry, Order
from controlplane.receipts.services import ack_heads
from enforcer.contract import redis_names
from enforcer.contract.documents import SCHEMA, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import Ack, ChainHead
from enforcer.contract.keys import Role
from enforcer.contract.times import to_text

Heads = tuple[ChainHead, ...]


class Acks:
    """Remembers what it signed for whom: an ack is signed anew only where the watermarks moved."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._signed: dict[str, tuple[Heads, str]] = {}

    def entries(self) -> Iterator[Entry]:
        """What stands in Redis for each active enforcer that sent something."""
        for enforcer_id in Enforcer.objects.filter(ACTIVE).order_by("id").values_list("id", flat=True):
            heads = tuple(ChainHead(chain_id=c, sequence=s, receipt_hash=h) for c, s, h in ack_heads(enforcer_id))
            if heads or self._ring.generation > 1:  # after a restore an enforcer learns that nothing is here, too
                yield Entry(redis_names.ack(enforcer_id), (0, 0), self._envelope(enforcer_id, heads), _nothing_newer)

    def _envelope(self, enforcer_id: str, heads: Heads) -> str:
        last = self._signed.get(enforcer_id)
        if last is not None and last[0] == heads:
            return last[1]
        ack = Ack(
            schema=SCHEMA,
            generation=self._ring.generation,
            issued_at=to_text(time.time()),
            enforcer_id=enforcer_id,
            chains=heads,
        )
        made = signed(ack, PayloadType.ACK, self._ring.signing[Role.ACK]).decode()
        self._signed[enforcer_id] = (heads, made)
        return made


def _nothing_newer(_value: bytes) -> Order | None:
    """Whatever another publisher acknowledged, the database said so too: the next second brings it back."""
    return None
