"""A whole policy file: sections in the order in which they can refer to each other, then the rules over all of it."""

from collections.abc import Callable
from datetime import datetime

from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.policy import Policy, ToolKey, overlaid
from controlplane.policy.declarative.read_callers import read_group, read_identity_provider, read_principal
from controlplane.policy.declarative.read_grants import read_grant, read_kill_switch
from controlplane.policy.declarative.read_servers import read_server, read_tool, read_trust_level
from controlplane.policy.declarative.reader import Reader
from controlplane.policy.declarative.rules_grants import check_grants
from controlplane.policy.declarative.rules_tools import check_tools
from controlplane.policy.declarative.warnings import warn
from enforcer.contract.strict_json import JsonValue

VERSION = 1
READERS: tuple[tuple[str, Callable[[Reader, Draft], None]], ...] = (
    ("trust_levels", read_trust_level),
    ("identity_providers", read_identity_provider),
    ("groups", read_group),
    ("principals", read_principal),
    ("servers", read_server),
    ("tools", read_tool),
    ("grants", read_grant),
    ("kill_switches", read_kill_switch),
)


def read_policy(value: JsonValue, current: Policy, *, held: set[ToolKey], now: datetime) -> Draft:
    """What the file says, checked against itself and `current`; with problems in it nothing may be applied."""
    draft = Draft(current)
    top = Reader(value, (), draft.problems)
    if top.flawed:
        return draft
    if top.raw("version") != VERSION or isinstance(top.raw("version"), bool):
        top.wrong("version", "is missing" if "version" not in top else "is not known", f"version: {VERSION}")
    for name, read in READERS:
        for reader in top.children(name):
            read(reader, draft)
    top.not_served("vault_backends", empty=[])
    top.not_served("risk_patterns", empty=[])
    top.finish()
    whole = overlaid(current, draft.said)
    check_tools(draft, whole)
    check_grants(draft, whole, now)
    if not draft.problems:
        warn(draft, whole, held)
    return draft
