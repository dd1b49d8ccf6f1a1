"""Chains that are not whole, or that say of the chain before them what isn't so, by what is stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, Min, OuterRef, QuerySet, Subquery

from controlplane.receipts.models import Chain, Receipt, ReceiptIndex
from enforcer.contract import strict_json


def annotated() -> QuerySet[Any]:
    """Each with `later`: receipts beyond what fits together, and `following`: the very next one among them."""
    here = ReceiptIndex.objects.filter(chain_id=OuterRef("chain_id"))
    return Chain.objects.annotate(
        later=Exists(here.filter(sequence__gt=OuterRef("contiguous_to"))),
        following=Exists(here.filter(sequence=OuterRef("contiguous_to") + 1)),
    )


def broken_chains() -> dict[str, int]:
    """Enforcer id → how many of its chains lack a receipt before later ones, or have one that doesn't fit."""
    found = annotated().filter(later=True).values("enforcer_id").annotate(count=Count("chain_id"))
    return {row["enforcer_id"]: row["count"] for row in found.order_by("enforcer_id")}


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A chain that follows `previous` at `sequence`, of which there is more: its journal went back to that place.

    A disk restored from a copy, or a host that was copied: what lies between was stored here and is unknown there.
    """

    enforcer_id: str
    chain_id: str
    previous: str
    sequence: int


def rolled_back(since: datetime) -> Iterator[RolledBack]:
    """Of chains that are new since then (RELIABILITY C16)."""
    previous = Chain.objects.filter(chain_id=OuterRef("previous_chain_id"))
    first = ReceiptIndex.objects.filter(chain_id=OuterRef("chain_id"), sequence=1)
    recent = Chain.objects.filter(first_seen__gt=since, contiguous_to__gt=0).exclude(previous_chain_id="")
    suspects = (
        recent.annotate(head=Subquery(previous.values("head_hash")), named=Subquery(first.values("parent_hash")))
        .filter(head__isnull=False)
        .exclude(head=F("named"))
    )
    for chain in suspects.order_by("first_seen"):
        sequence = followed_at(chain.chain_id)
        if ReceiptIndex.objects.filter(chain_id=chain.previous_chain_id, sequence=sequence + 1).exists():
            yield RolledBack(chain.enforcer_id, chain.chain_id, chain.previous_chain_id, sequence)
    named = Chain.objects.filter(previous_chain_id__in=recent.values("previous_chain_id"))
    twice = named.values("previous_chain_id").annotate(first=Min("first_seen"), count=Count("chain_id"))
    for row in twice.filter(count__gt=1).order_by("first"):
        for copy in recent.filter(previous_chain_id=row["previous_chain_id"], first_seen__gt=row["first"]):
            yield RolledBack(copy.enforcer_id, copy.chain_id, copy.previous_chain_id, followed_at(copy.chain_id))


def followed_at(chain_id: str) -> int:
    """Where in the chain before it this one says that it begins; 0 where it doesn't say."""
    line = Receipt.objects.filter(chain_id=chain_id, sequence=1).values_list("line", flat=True).first()
    genesis = strict_json.parse_object(bytes(line)).get("genesis") if line is not None else None
    sequence = genesis.get("previous_sequence") if isinstance(genesis, dict) else None
    return sequence if isinstance(sequence, int) else 0
