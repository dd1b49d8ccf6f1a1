"""From a change to the receipt that its service left: written in the same transaction, by the same actor."""

from dataclasses import dataclass

from controlplane.policy.models import Change
from controlplane.receipts.models import Receipt
from controlplane.receipts.services import OWN_CHAIN
from enforcer.contract import strict_json
from enforcer.contract.strict_json import JsonObject, JsonValue
from enforcer.contract.times import to_text

NEAR_S = 2.0
LOOKED_AT = 20
SHOWN = 200


@dataclass(frozen=True, slots=True)
class AdminReceipt:
    """`lines` are those of the diff, where the act was an edit of the policy; `total` counts all."""

    receipt_id: str
    action: str
    lines: tuple[str, ...]
    total: int


def receipt_of(change: Change) -> AdminReceipt | None:
    """Nothing where none can be told from others for sure."""
    at = change.created_at.timestamp()
    near = Receipt.objects.filter(
        chain_id=OWN_CHAIN,
        subject=change.actor[:255],
        event_time__gte=to_text(at - NEAR_S),
        event_time__lte=to_text(at + NEAR_S),
    ).order_by("event_time", "receipt_id")[:LOOKED_AT]
    fitting = [(row, detail) for row in near if (detail := _detail(row)) and _reason(detail) == change.reason]
    if len(fitting) != 1:
        return None
    row, detail = fitting[0]
    lines = detail.get("changes")
    texts = [str(line) for line in lines] if isinstance(lines, list) else []
    count = detail.get("change_count")
    return AdminReceipt(
        row.receipt_id, _action(row), tuple(texts[:SHOWN]), count if isinstance(count, int) else len(texts)
    )


def _reason(detail: JsonObject) -> str:
    """As the change says it: an applied file is its own reason."""
    source = detail.get("source")
    return f"apply {source}" if isinstance(source, str) else str(detail.get("reason", ""))


def _detail(row: Receipt) -> JsonObject:
    detail = _read(row).get("detail")
    return detail if isinstance(detail, dict) else {}


def _action(row: Receipt) -> str:
    action: JsonValue = _read(row).get("action")
    return action if isinstance(action, str) else ""


def _read(row: Receipt) -> JsonObject:
    try:
        return strict_json.parse_object(bytes(row.line))
    except ValueError:
        return {}
