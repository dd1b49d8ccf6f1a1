"""A whole policy file: sections in the order in which they can refer to each other, then the rules over all of it."""

from collections.abc import Callable
from datetime import datetime

from controlplane.policy.declarative.check import Rules, check
from controlplane.policy.declarative.check_left import check_left
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.items import VERSION
from controlplane.policy.declarative.policy import Policy, ToolKey, overlaid
from controlplane.policy.declarative.read_callers import read_group, read_identity_provider, read_principal
from controlplane.policy.declarative.read_credentials import read_vault_backend
from controlplane.policy.declarative.read_grants import read_grant, read_kill_switch
from controlplane.policy.declarative.read_servers import read_risk_pattern, read_server, read_tool, read_trust_level
from controlplane.policy.declarative.reader import Reader
from controlplane.policy.declarative.warnings import warn
from enforcer.contract.strict_json import JsonValue

READERS: tuple[tuple[str, Callable[[Reader, Draft], None]], ...] = (
    ("trust_levels", read_trust_level),
    ("identity_providers", read_identity_provider),
    ("vault_backends", read_vault_backend),
    ("groups", read_group),
    ("principals", read_principal),
    ("risk_patterns", read_risk_pattern),
    ("servers", read_server),
    ("tools", read_tool),
    ("grants", read_grant),
    ("kill_switches", read_kill_switch),
)


def read_policy(value: JsonValue, rows: Policy, *, held: set[ToolKey], now: datetime, prune: bool = False) -> Draft:
    """What the file says, checked against itself and `rows`; with problems in it nothing may be applied."""
    draft = Draft(_lasting(rows) if prune else rows, rows)
    top = Reader(value, (), draft.problems)
    if top.flawed:
        return draft
    if top.raw("version") != VERSION or isinstance(top.raw("version"), bool):
        top.wrong("version", "is missing" if "version" not in top else "is not known", f"version: {VERSION}")
    for name, read in READERS:
        for reader in top.children(name):
            read(reader, draft)
    top.finish()
    whole = overlaid(draft.current, draft.said)
    rules = Rules(whole, now)
    check(draft, rules)
    if not prune:
        check_left(draft, rules)
    if not draft.problems:
        warn(draft, whole, rules.selections, held)
    return draft


def _lasting(rows: Policy) -> Policy:
    """What a pruning file may refer to without naming it, because no file removes it."""
    return Policy(
        trust_levels=rows.trust_levels,
        discovered=rows.discovered,
        kill_switches=rows.kill_switches,
        vault_backends={name: rows.vault_backends[name] for name in rows.backends_in_use},
    )
