"""Chains that are not whole, by what is stored."""

from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet

from controlplane.receipts.models import Chain, ReceiptIndex


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
