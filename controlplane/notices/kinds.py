"""What can be wrong: a closed set. How long it has to be so before anybody is told, and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`holds_s`: seconds for which it has to be so; `remedy` is one sentence."""

    title: str
    holds_s: float
    remedy: str


KINDS: dict[str, Kind] = {
    "publisher_stopped": Kind(
        "The publisher has stopped signing",
        10,
        "Start it again: without leases enforcers stop risky calls after a minute, later all of them.",
    ),
    "kill_not_converged": Kind(
        "A stop is not confirmed by every enforcer",
        0,
        "Open Fleet: whoever is silent stops by itself at the time shown; `enforcer kill` on its host stops it now.",
    ),
    "enforcer_silent": Kind(
        "An enforcer is silent", 30, "Look at its host; if it is gone for good, decommission it on its page."
    ),
    "policy_old": Kind(
        "An enforcer has had no news for long",
        15,
        "It reaches neither Redis nor the control plane: look at its network and at the clock of its host.",
    ),
    "ingest_stopped": Kind(
        "The ingest worker has stopped", 20, "Start it again: receipts wait in the enforcers' journals until then."
    ),
    "chain_gap": Kind(
        "A chain of receipts has a gap",
        120,
        "Open Chains: the enforcer sends again what is missing, or closes the gap with a signed record.",
    ),
    "receipt_conflict": Kind(
        "Two receipts claim one place",
        0,
        "Open Conflicts: a copied data directory or a stolen key; the first receipt stays as evidence.",
    ),
    "receipts_not_verified": Kind(
        "Stored receipts are not what they were",
        0,
        "Keep this database as it is, run `manage.py receipts verify` and compare with checkpoints kept elsewhere.",
    ),
    "verification_late": Kind(
        "Receipts were not verified for two days",
        0,
        "Look into the log of `manage.py watch`, or run `manage.py receipts verify --daily` from a timer.",
    ),
    "journal_rolled_back": Kind(
        "An enforcer's journal went back",
        0,
        "Its disk was restored or its host was copied: see that one of them runs, and what lies between on Chains.",
    ),
    "redis_away": Kind(
        "The policy Redis can't be reached", 15, "Start it again; enforcers ask the control plane directly meanwhile."
    ),
    "database_away": Kind(
        "The database can't be reached",
        30,
        "Start it again; a stop goes on by `manage.py kill … --emergency` or `enforcer kill`.",
    ),
}
