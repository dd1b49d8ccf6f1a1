"""Verified tokens, remembered by their hash until they expire or the policy changes.

Only the verification is remembered: revocation, quarantine and kill are looked up on every call.
"""

import hashlib
from collections import OrderedDict

from enforcer.policy.call import Caller

MAX_TOKENS = 10_000


class TokenCache:
    """Bounded, least recently used first out. An entry is good for one server under one snapshot."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Caller] = OrderedDict()

    def get(self, token: str, server_id: str, order: tuple[int, int], now: float) -> Caller | None:
        """The caller of a token that was verified before and has not expired."""
        key = _key(token, server_id, order)
        caller = self._known.get(key)
        if caller is None or caller.expires_at is None or now >= caller.expires_at:
            return None
        self._known.move_to_end(key)
        return caller

    def put(self, token: str, server_id: str, order: tuple[int, int], caller: Caller) -> None:
        """Remember a verified token."""
        self._known[_key(token, server_id, order)] = caller
        if len(self._known) > MAX_TOKENS:
            self._known.popitem(last=False)


def _key(token: str, server_id: str, order: tuple[int, int]) -> bytes:
    return hashlib.sha256(f"{server_id} {order[0]} {order[1]} {token}".encode("utf-8", "surrogatepass")).digest()
