"""The key `rate`, which servers' limits and grants share."""

from controlplane.policy.declarative.reader import Reader
from enforcer.policy.rates import MAX_COUNT, PERIODS, parse_rate


def read_rate(reader: Reader) -> str:
    """`100/minute`, `100/minute shared`; empty where there is no limit."""
    rate = reader.text("rate", default="")
    if rate and parse_rate(rate) is None:
        reader.wrong(
            "rate",
            f"{rate[:40]!r} is no rate",
            f"1 to {MAX_COUNT} per {', '.join(PERIODS)}, like 100/minute or 100/minute shared",
        )
    return rate
