"""Token buckets, pure: `10/minute` holds ten tokens and gains ten a minute. The clock is given.

`10/minute shared` is counted over all enforcers of its server together, besides.
"""

import re
from dataclasses import dataclass

PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
MAX_COUNT = 1_000_000
SHARED = " shared"
_SHAPE = re.compile(rf"([1-9][0-9]{{0,6}})/(second|minute|hour|day)({SHARED})?")
_WHOLE = 1 - 1e-9  # refilling in small steps may miss a whole token by rounding


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` calls a period, and as many at once; `shared`: of all enforcers of the server together."""

    count: int
    period_s: float
    shared: bool = False

    @property
    def per_second(self) -> float:
        """How fast tokens come back."""
        return self.count / self.period_s


NO_ROOM = Rate(0, 1.0)  # what a rate that can't be read counts as


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was left at a time; times are seconds of one clock that never goes back."""

    tokens: float
    at: float


def parse_rate(text: str) -> Rate | None:
    """`10/minute` or `10/minute shared`, nothing for any other shape; second, minute, hour and day are the periods."""
    found = _SHAPE.fullmatch(text)
    if found is None or int(found[1]) > MAX_COUNT:
        return None
    return Rate(int(found[1]), PERIODS[found[2]], found[3] is not None)


def tokens_left(rate: Rate, bucket: Bucket | None, now: float) -> float:
    """Tokens before the call; a bucket never used is full."""
    if bucket is None:
        return float(rate.count)
    gained = max(0.0, now - bucket.at) * rate.per_second
    return min(float(rate.count), bucket.tokens + gained)


def take(rate: Rate, bucket: Bucket | None, now: float) -> Bucket:
    """The bucket after one call."""
    at = now if bucket is None else max(now, bucket.at)
    return Bucket(max(0.0, tokens_left(rate, bucket, now) - 1), at)


def give_back(rate: Rate, bucket: Bucket) -> Bucket:
    """The bucket with a token that was taken and not used."""
    return Bucket(min(float(rate.count), bucket.tokens + 1), bucket.at)


def left_of_window(rate: Rate, counted: int, ends_in_s: float) -> float:
    """Tokens of a window in which so many calls were counted; without one, as many below one as `wait_s` needs."""
    left = float(rate.count - counted)
    return left if has_room(left) else 1 - ends_in_s * rate.per_second


def has_room(left: float) -> bool:
    """Whether one more call fits."""
    return left >= _WHOLE


def wait_s(rate: Rate, left: float) -> float | None:
    """Seconds until one token is there; nothing where none ever comes."""
    return None if rate.count == 0 else max(0.0, 1 - left) / rate.per_second
