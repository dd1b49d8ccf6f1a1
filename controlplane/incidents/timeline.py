"""The story of one switch: raised, published, confirmed, what it refused, what else was done meanwhile, lowered."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils import timezone

from controlplane.common.unseen import shortened
from controlplane.fleet.models import Confirmation
from controlplane.incidents.effect import calls_of
from controlplane.incidents.following import change_of
from controlplane.incidents.models import KillSwitch
from controlplane.policy.models import Change, ChangedServer
from controlplane.receipts.models import Receipt
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.targets import Target, parse_target
from enforcer.contract.times import from_text, to_text

ENFORCERS = 20  # for each of the two changes
OTHERS = 30
LOOKED_AT = 20_000  # receipts since it was raised; the page says so


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `url` leads to it."""

    at: datetime
    what: str
    tone: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """The two by which a switch was published, by number; none where it is unknown, or has not come yet."""

    raised: int | None
    lowered: int | None


def changes_of(switch: KillSwitch) -> Changes:
    """By who wrote them and when."""
    return Changes(change_of(switch.raised_by, switch.raised_at), change_of(switch.lowered_by, switch.lowered_at))


def timeline(switch: KillSwitch, changes: Changes, *, may_read_receipts: bool) -> list[Event]:
    """In order. Receipts stand in it for those who may read them."""
    own = [change_id for change_id in (changes.raised, changes.lowered) if change_id is not None]
    events = [
        *_of_the_switch(switch),
        *_published(own),
        *_confirmed(switch, changes),
        *_meanwhile(switch, own),
        *(_refused(switch) if may_read_receipts else ()),
    ]
    return sorted(events, key=lambda event: event.at)


def _of_the_switch(switch: KillSwitch) -> Iterator[Event]:
    yield Event(switch.raised_at, f"{switch.raised_by} raised it: {shortened(switch.reason)}", "bad")
    if switch.asked_at:
        yield Event(switch.asked_at, f"{switch.asked_by} asked to lower it: {shortened(switch.asked_reason)}", "person")
    if switch.lowered_at:
        yield Event(switch.lowered_at, f"{switch.lowered_by} lowered it: {shortened(switch.lowered_reason)}")


def _published(own: Iterable[int]) -> Iterator[Event]:
    parts = ChangedServer.objects.filter(change_id__in=own).order_by().values("change_id")
    for row in parts.annotate(
        servers=Count("id"),
        done=Count("document"),
        last=Max("document__published_at"),
        refused=Count("id", filter=~Q(error="")),
    ):
        if row["last"]:
            where = f"{row['done']} of {row['servers']} server{'' if row['servers'] == 1 else 's'}"
            refused = f", refused for {row['refused']}" if row["refused"] else ""
            tone = "good" if row["done"] == row["servers"] else "bad"
            yield Event(row["last"], f"published for {where}{refused}", tone, _page_of(row["change_id"]))


def _confirmed(switch: KillSwitch, changes: Changes) -> Iterator[Event]:
    began = {changes.raised: switch.raised_at, changes.lowered: switch.lowered_at}
    words = Confirmation.objects.filter(change_id__in=[number for number in began if number is not None])
    for word in words.order_by("-at")[: 2 * ENFORCERS]:
        since = began[word.change_id]
        if since is not None:
            ms = round(1000 * (word.at - since).total_seconds())
            yield Event(word.at, f"{word.enforcer_id} confirmed it after {ms} ms", "good")


def _meanwhile(switch: KillSwitch, own: Iterable[int]) -> Iterator[Event]:
    """Edits of all kinds, while it was raised: an incident is seldom one act."""
    until = switch.lowered_at or timezone.now()
    others = Change.objects.filter(created_at__gte=switch.raised_at, created_at__lte=until).exclude(id__in=list(own))
    for change in others.order_by("id")[:OTHERS]:
        what = "changed the policy" if change.kind == "policy" else "changed what is stopped"
        why = f": {shortened(change.reason)}" if change.reason else ""
        yield Event(change.created_at, f"{change.actor} {what}{why}", "", _page_of(change.pk))


def _refused(switch: KillSwitch) -> Iterator[Event]:
    """The first and the last call that it refused, of the first receipts since then."""
    target = parse_target(switch.target)
    if not isinstance(target, Target):
        return
    until = to_text((switch.lowered_at or timezone.now()).timestamp())
    since = Receipt.objects.filter(event_time__gte=to_text(switch.raised_at.timestamp()), event_time__lte=until)
    times = since.order_by("event_time", "receipt_id").values_list("event_time", flat=True)
    beyond = times[LOOKED_AT : LOOKED_AT + 1].first()
    found = calls_of(target, since.filter(event_time__lt=beyond) if beyond else since)
    if found is None:
        return
    refused = found.filter(result="deny", reason_codes__startswith=ReasonCode.DENY_KILL_SWITCH)
    ends = [
        refused.order_by(*order).first() for order in (("event_time", "receipt_id"), ("-event_time", "-receipt_id"))
    ]
    for word, receipt in zip(("first", "last"), ends, strict=True):
        at = _when(receipt.event_time) if receipt is not None else None
        if receipt is not None and at is not None and (word == "first" or receipt != ends[0]):
            call = f"{receipt.subject} → {receipt.server_id}/{receipt.tool_name}"
            url = reverse("admin:receipts_receipt_change", args=[receipt.receipt_id])
            yield Event(at, f"{word} call refused: {shortened(call)}", "bad", url)


def _when(text: str) -> datetime | None:
    """An enforcer wrote it."""
    try:
        return datetime.fromtimestamp(from_text(text), UTC)
    except (ValueError, OverflowError):
        return None


def _page_of(change_id: int) -> str:
    return reverse("admin:policy_change_change", args=[change_id])
