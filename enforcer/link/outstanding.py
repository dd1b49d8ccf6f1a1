"""Which receipts are on their way. Pure: times are seconds of any steady clock."""

from collections.abc import Callable, Sequence

from enforcer.journal.store import Pending

MOST_BATCHES = 48  # fewer than an ack names chains: a crash loop leaves many short ones
MOST_BYTES = 2 * 1024 * 1024
RESEND_S = 5.0
RESEND_MOST_S = 60.0


class Outstanding:
    """Batches sent and not acknowledged, by chain; sent anew from the acknowledged one on when no news comes.

    Each chain goes out in order. Between chains the one with the fewest batches out is next, then the oldest: one that
    the other side doesn't take can't hold up the rest.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        """`jitter` gives a factor around 1 for every wait."""
        self._sent: dict[str, list[tuple[int, int]]] = {}  # the last sequence of each batch, and its bytes
        self._acked: dict[str, int] = {}
        self._jitter = jitter
        self._wait_s = RESEND_S
        self._due_at = 0.0

    def count(self) -> int:
        """Batches out."""
        return sum(len(sent) for sent in self._sent.values())

    def _bytes(self) -> int:
        return sum(size for sent in self._sent.values() for _, size in sent)

    def choose(self, pending: Sequence[Pending]) -> tuple[Pending, int] | None:
        """The chain whose turn it is and the sequence after which to read; nothing if all is out or enough is."""
        if self.count() >= MOST_BATCHES or self._bytes() >= MOST_BYTES:
            return None
        open_chains = [(chain, self._after(chain)) for chain in pending]
        waiting = [(chain, after) for chain, after in open_chains if after < chain.head]
        return min(waiting, key=lambda one: len(self._sent.get(one[0].chain_id, ())), default=None)

    def _after(self, chain: Pending) -> int:
        sent = self._sent.get(chain.chain_id)
        return max(chain.acked, sent[-1][0] if sent else 0)

    def sent(self, chain_id: str, last: int, size: int, now: float) -> None:
        """A batch of so many bytes that ends with `last` went out."""
        if not self.count():
            self._due_at = now + self._wait_s * self._jitter()
        self._sent.setdefault(chain_id, []).append((last, size))

    def acked(self, chain_id: str, sequence: int, now: float) -> None:
        """The other side has the chain up to there."""
        if sequence <= self._acked.get(chain_id, 0):
            return
        self._acked[chain_id] = sequence
        self._sent[chain_id] = [batch for batch in self._sent.get(chain_id, []) if batch[0] > sequence]
        self._wait_s = RESEND_S
        self._due_at = now + self._wait_s * self._jitter()

    def give_up_if_due(self, now: float) -> bool:
        """Forget what is out if nothing was acknowledged for too long: it is read and sent again, with longer waits."""
        if not self.count() or now < self._due_at:
            return False
        self._sent.clear()
        self._wait_s = min(self._wait_s * 2, RESEND_MOST_S)
        return True

    def wait_s(self, now: float) -> float | None:
        """Seconds until it may be due; None while nothing is out."""
        return max(0.0, self._due_at - now) if self.count() else None
