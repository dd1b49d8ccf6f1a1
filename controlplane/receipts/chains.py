"""Chains that are not whole, by what is stored."""

from django.db.models import Count, Exists, OuterRef

from controlplane.receipts.models import Chain, ReceiptIndex


def broken_chains() -> dict[str, int]:
    """Enforcer id → how many of its chains lack a receipt before later ones, or have one that doesn't fit."""
    later = ReceiptIndex.objects.filter(chain_id=OuterRef("chain_id"), sequence__gt=OuterRef("contiguous_to"))
    found = Chain.objects.filter(Exists(later)).values("enforcer_id").annotate(count=Count("chain_id"))
    return {row["enforcer_id"]: row["count"] for row in found.order_by("enforcer_id")}
