"""The filters of `receipts export`, from the command line to a query."""

import re
from argparse import ArgumentParser
from typing import Any

from django.db.models import Q

from controlplane.common.commands import UsageError
from enforcer.contract.times import from_text, to_text

_EQUAL = {
    "server": "server_id",
    "tool": "tool_name",
    "principal": "subject",
    "decision": "result",
    "enforcer": "enforcer_id",
    "chain": "chain_id",
}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CODE = re.compile(r"[A-Z0-9_]+")


def add_filters(parser: ArgumentParser) -> None:
    """Each narrows; none gives everything."""
    for name in _EQUAL:
        parser.add_argument(f"--{name}")
    parser.add_argument("--reason", metavar="CODE", help="a reason code, such as DENY_KILL_SWITCH")
    parser.add_argument("--since", metavar="TIME", help="2026-01-31 or 2026-01-31T12:00:00Z, included")
    parser.add_argument("--until", metavar="TIME", help="as --since, not included")


def which(options: dict[str, Any]) -> Q:
    """Raises `UsageError` for a time or code that can't be one."""
    found = Q()
    for name, column in _EQUAL.items():
        if options.get(name) is not None:
            found &= Q(**{column: options[name]})
    if (code := options.get("reason")) is not None:
        if not _CODE.fullmatch(code):
            raise UsageError.option("--reason", f"{code!r} is no reason code; write one like DENY_KILL_SWITCH")
        found &= Q(reason_codes__regex=rf"(^| ){code}( |$)")
    if options.get("since") is not None:
        found &= Q(event_time__gte=_time("--since", options["since"]))
    if options.get("until") is not None:
        found &= Q(event_time__lt=_time("--until", options["until"]))
    return found


def _time(option: str, text: str) -> str:
    try:
        return to_text(from_text(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text))
    except ValueError as problem:
        raise UsageError.option(option, f"{problem}; or write a day, 2026-01-31") from None
