"""Redis as the mirror of the database: a key is replaced only if it still holds what was looked at (compare-and-set).

What stands there is judged by its signature: older, foreign or damaged is replaced, genuine and newer stays. Nothing
beside the documents themselves is kept in Redis, so a flush or a forged key can delay nothing.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from controlplane.common.redis import connect
from enforcer.contract.envelope import MAX_BYTES

Order = tuple[int, int]
Judge = Callable[[bytes], Order | None]
ATTEMPTS = 5
ABSENT = ""

_DIGEST = """
local function digest(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return '' end
  if kind ~= 'string' or redis.call('STRLEN', key) > tonumber(ARGV[1]) then return 'junk' end
  return redis.sha1hex(redis.call('GET', key))
end
"""
_DIGESTS = _DIGEST + "local found = {}; for i, key in ipairs(KEYS) do found[i] = digest(key) end; return found"
_SWAP = (
    _DIGEST
    + """
local found = digest(KEYS[1])
if found ~= ARGV[2] and found ~= 'junk' then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
"""
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a key should hold. `judge` gives the order of a genuine value and None for any other."""

    key: str
    order: Order
    envelope: str
    judge: Judge
    channel: str = ""
    hint: str = ""


class Mirror:
    """One connection to the policy instance; every method raises `redis.RedisError` where it can't be reached."""

    def __init__(self, url: str) -> None:
        self.client = connect(url)
        self._swap = self.client.register_script(_SWAP)
        self._digests = self.client.register_script(_DIGESTS)
        self._seen: dict[str, str] = {}
        self._wrote: dict[str, Order] = {}

    def put(self, entry: Entry) -> bool:
        """False where a genuine value stands there that is newer, or another one of this number: it stays."""
        for _ in range(ATTEMPTS):
            # a database that was restored under this process offers less than it wrote itself
            if self._wrote.get(entry.key, entry.order) <= entry.order and self._try(entry):
                return True
            current = cast("bytes | None", self.client.get(entry.key))
            if current == entry.envelope.encode():
                self._remember(entry)
                return True
            order = entry.judge(current) if current is not None else None
            if order is not None and order >= entry.order:
                return False
            self._wrote.pop(entry.key, None)
            self._seen[entry.key] = (
                ABSENT if current is None else hashlib.sha1(current, usedforsecurity=False).hexdigest()
            )
        return False

    def replace(self, key: str, was: bytes, envelope: str, *, channel: str, hint: str) -> bool:
        """Whether `was` still stood there, and `envelope` does now."""
        seen = hashlib.sha1(was, usedforsecurity=False).hexdigest()
        args: list[str | int] = [MAX_BYTES, seen, envelope, channel, hint]
        return bool(self._swap(keys=[key], args=args))

    def differing(self, wanted: Mapping[str, str]) -> dict[str, bool]:
        """Of the keys, those whose value hasn't the wanted digest, and whether they are missing altogether."""
        keys = list(wanted)
        found = cast("list[bytes]", self._digests(keys=keys, args=[MAX_BYTES])) if keys else []
        pairs = zip(keys, (value.decode() for value in found), strict=True)
        return {key: value == ABSENT for key, value in pairs if value != wanted[key]}

    def _try(self, entry: Entry) -> bool:
        seen = self._seen.get(entry.key, ABSENT)
        args: list[str | int] = [MAX_BYTES, seen, entry.envelope, entry.channel, entry.hint]
        if not self._swap(keys=[entry.key], args=args):
            return False
        self._remember(entry)
        return True

    def _remember(self, entry: Entry) -> None:
        self._seen[entry.key], self._wrote[entry.key] = digest(entry.envelope), entry.order


def digest(envelope: str) -> str:
    """As Redis computes it; it finds changes, signatures protect from forgery."""
    return hashlib.sha1(envelope.encode(), usedforsecurity=False).hexdigest()
