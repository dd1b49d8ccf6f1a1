"""The token buckets of one process: a server's by itself, a grant's for each principal that uses it."""

from collections.abc import Iterable, Mapping

from enforcer.policy.call import Call
from enforcer.policy.index import SERVER_BUCKET
from enforcer.policy.rates import Bucket, Rate, give_back, take, tokens_left

MAX_BUCKETS = 100_000
_Key = tuple[str, ...]


class Buckets:
    """Times are monotonic seconds. Full buckets are forgotten first when there are too many."""

    def __init__(self) -> None:
        self._left: dict[_Key, tuple[Rate, Bucket]] = {}

    def left(self, call: Call, rates: Mapping[str, Rate], now: float) -> dict[str, float]:
        """Tokens before the call, by bucket name, for `Facts.rates`."""
        return {name: tokens_left(rate, self._bucket(call, name, rate), now) for name, rate in rates.items()}

    def take(self, call: Call, rates: Mapping[str, Rate], names: Iterable[str], now: float) -> None:
        """One token from each of the named buckets; names without a rate have none."""
        for name in names:
            rate = rates.get(name)
            if rate is not None:
                self._left[_key(call, name)] = (rate, take(rate, self._bucket(call, name, rate), now))
        if len(self._left) > MAX_BUCKETS:
            self._forget(now)

    def give_back(self, call: Call, rates: Mapping[str, Rate], names: Iterable[str]) -> None:
        """What was taken from the named buckets a moment ago, for a call that is refused after all."""
        for name in names:
            known = self._left.get(_key(call, name))
            if known is not None and known[0] == rates.get(name):
                self._left[_key(call, name)] = (known[0], give_back(*known))

    def _bucket(self, call: Call, name: str, rate: Rate) -> Bucket | None:
        known = self._left.get(_key(call, name))
        return known[1] if known is not None and known[0] == rate else None

    def _forget(self, now: float) -> None:
        full = [key for key, (rate, b) in self._left.items() if tokens_left(rate, b, now) >= rate.count]
        for key in full:
            del self._left[key]


def _key(call: Call, name: str) -> _Key:
    if name == SERVER_BUCKET:
        return (call.server_id,)
    return (call.server_id, name, call.caller.issuer, call.caller.subject)
