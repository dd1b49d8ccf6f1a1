"""The navigation, by the work: one table, so that a page has one place in it."""

from dataclasses import dataclass

from django.urls import reverse

from controlplane.common.actor import Actor, Right


@dataclass(frozen=True, slots=True)
class Place:
    """`counter` names a number of `controlplane.dashboard.counters`; `below` are lists whose pages light it up, too."""

    title: str
    route: str
    right: Right = Right.VIEW
    counter: str = ""
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A place for one request."""

    title: str
    url: str
    here: bool
    count: int


STOPS = tuple(
    f"admin:incidents_{name}_changelist"
    for name in ("plannedkill", "quarantine", "egressblock", "revokedprincipal", "revokedtoken")
)
RECEIPTS = ("admin:receipts_chain_changelist", "admin:receipts_conflict_changelist")
SECTIONS: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (
        "",
        (
            Place("Overview", "overview"),
            Place("Switch", "admin:incidents_killswitch_changelist", counter="raised", below=STOPS),
            Place("Live", "live", Right.READ_RECEIPTS),
        ),
    ),
    (
        "Policy",
        (
            Place("Servers", "admin:inventory_server_changelist"),
            Place("Tools", "admin:inventory_tool_changelist"),
            Place("Principals", "admin:principals_principal_changelist"),
            Place("Groups", "admin:principals_group_changelist"),
            Place("Grants", "admin:grants_grant_changelist"),
            Place("Matrix", "matrices"),
            Place("Trust levels", "admin:inventory_trustlevel_changelist"),
            Place("Risk patterns", "admin:inventory_riskpattern_changelist"),
            Place("History", "admin:policy_change_changelist", below=("admin:policy_signeddocument_changelist",)),
        ),
    ),
    (
        "Work",
        (
            Place("Reviews", "admin:inventory_tool_reviews", counter="waiting_tools"),
            Place("Proposals", "admin:policy_proposal_changelist", counter="open_proposals"),
            Place("Receipts", "admin:receipts_receipt_changelist", Right.READ_RECEIPTS, below=RECEIPTS),
        ),
    ),
    (
        "Run",
        (
            Place("Fleet", "admin:fleet_enforcer_changelist"),
            Place("Notices", "admin:notices_notice_changelist", counter="open_notices"),
            Place(
                "Credentials",
                "admin:credentials_vaultbackend_changelist",
                below=("admin:credentials_vaultreference_changelist",),
            ),
            Place("Tokens", "admin:principals_issuedtoken_changelist"),
            Place("Identity providers", "admin:principals_identityprovider_changelist"),
            Place(
                "People",
                "admin:accounts_user_changelist",
                Right.MANAGE_PEOPLE,
                below=("admin:accounts_role_changelist", "admin:accounts_apitoken_changelist"),
            ),
            Place("Everything", "admin:index"),
        ),
    ),
)


def navigation(actor: Actor, path: str, counts: dict[str, int]) -> list[tuple[str, list[Link]]]:
    """Sections with what this actor may see; the longest address that the path begins with is lit."""
    found = [(title, [(p, reverse(p.route)) for p in places if actor.may(p.right)]) for title, places in SECTIONS]
    owners = {prefix: url for _, links in found for p, url in links for prefix in (url, *map(reverse, p.below))}
    here = owners.get(max((prefix for prefix in owners if path.startswith(prefix)), key=len, default=""), "")
    return [
        (title, [Link(p.title, url, url == here, counts.get(p.counter, 0)) for p, url in links])
        for title, links in found
        if links
    ]
