"""Receipts over the API: search, one, and the export that can be verified offline."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.filters import Equal, FilterBackend, Filters, Matching, OneOf, translate_validation
from controlplane.api.problems import refused_query
from controlplane.api.views import ApiView, DetailView, ListView
from controlplane.common.actor import Actor, Right
from controlplane.common.services import service
from controlplane.receipts.api_shapes import RESULTS, CheckpointRow, ReceiptDetailRow, ReceiptRow, ReplayedRow
from controlplane.receipts.checkpoints import proof_of
from controlplane.receipts.exporting import export_lines, heads_for
from controlplane.receipts.filters import which
from controlplane.receipts.models import Checkpoint, Receipt
from controlplane.receipts.replaying import replayed
from controlplane.receipts.scanning import of_trace
from controlplane.receipts.services import record_admin_receipt
from controlplane.receipts.spreadsheet import csv_rows
from enforcer.contract.export import MAX_STRETCH
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.receipt import ReceiptType
from enforcer.contract.receipt_schema import receipt_schema
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import from_text

NDJSON = "application/x-ndjson"
CSV = "text/csv"
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z)?"
NEVER = "1970-01-01T00:00:00Z"
TYPES = [kind.value for kind in ReceiptType if kind != ReceiptType.CHAIN_HEAD]


class ReceiptFilter(Filters):
    """As `manage.py receipts export` takes them, and `type` and `trace`."""

    principal = Equal("subject", "its subject", longest=255)
    server = Equal("server_id", longest=63)
    tool = Equal("tool_name", longest=255)
    decision = OneOf("result", RESULTS)
    reason = OneOf("reason_codes", [code.value for code in ReasonCode], "one of its reason codes")
    enforcer = Equal("enforcer_id", longest=63)
    chain = Equal("chain_id", longest=64)
    type = OneOf("receipt_type", TYPES)
    since = Matching("event_time", TIME, "a day, or a time in UTC, included")
    until = Matching("event_time", TIME, "the same, not included")
    trace = Matching("line", "[0-9a-f]{32}", "a W3C trace id; every receipt since `since` is looked into")

    def filter_queryset(self, queryset: QuerySet[Receipt]) -> QuerySet[Receipt]:
        """All at once: there is one translation of filters into a query."""
        return queryset.filter(wanted(self.form.cleaned_data))


class Receipts(ListView[Receipt]):
    """Receipts, the newest first"""

    rights = {"GET": Right.READ_RECEIPTS}
    queryset = Receipt.objects.defer("line")
    serializer_class = ReceiptRow
    filterset_class = ReceiptFilter
    orderings = {"event_time": ("event_time", "receipt_id")}
    usual_order = "-event_time"


class ReceiptSchema(ApiView[Any]):
    """A receipt as a JSON Schema"""

    rights = {"GET": Right.VIEW}

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """Of each line of an export but chain heads."""
        return Response(receipt_schema())


class ReceiptDetail(DetailView[Receipt]):
    """One receipt, with the bytes that were hashed"""

    rights = {"GET": Right.READ_RECEIPTS}
    queryset = Receipt.objects.all()
    serializer_class = ReceiptDetailRow
    lookup_field = "receipt_id"


class ReplayReceipt(ApiView[Receipt]):
    """`manage.py receipts replay`"""

    rights = {"GET": Right.READ_RECEIPTS}
    queryset = Receipt.objects.all()

    @extend_schema(responses={200: ReplayedRow})
    def get(self, request: Request, receipt_id: str) -> Response:  # noqa: ARG002
        """Decide a receipt once more, by the policy and the facts that it names"""
        return Response(ReplayedRow(replayed(get_object_or_404(Receipt, receipt_id=receipt_id))).data)


class ReceiptProof(ApiView[Receipt]):
    """`manage.py receipts proof`"""

    rights = {"GET": Right.READ_RECEIPTS}
    queryset = Receipt.objects.all()

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, receipt_id: str) -> Response:  # noqa: ARG002
        """That it was there when a checkpoint was signed, for `enforcer verify-proof`"""
        return Response(proof_of(get_object_or_404(Receipt, receipt_id=receipt_id)))


class Checkpoints(ListView[Checkpoint]):
    """Checkpoints, the newest first, each with the signed document that can be kept elsewhere"""

    rights = {"GET": Right.READ_RECEIPTS}
    queryset = Checkpoint.objects.all()
    serializer_class = CheckpointRow
    orderings = {"number": ("number",)}
    usual_order = "-number"


class NdjsonRenderer(BaseRenderer):
    """Only stands for the media type: the lines are streamed."""

    media_type = NDJSON
    format = "ndjson"


class ExportReceipts(ApiView[Receipt]):
    """`manage.py receipts export`: receipts and signed heads of their chains, for `enforcer verify`"""

    rights = {"GET": Right.EXPORT_RECEIPTS}
    queryset = Receipt.objects.all()
    renderer_classes: Sequence[type[BaseRenderer]] = (NdjsonRenderer,)
    filter_backends = (FilterBackend,)
    filterset_class = ReceiptFilter

    def parameters(self, method: str) -> tuple[str, ...]:  # noqa: ARG002 - there is one
        """The filters of a search, and no pages."""
        return tuple(ReceiptFilter.base_filters)

    @extend_schema(responses={(200, NDJSON): {"type": "string"}}, filters=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Streamed; one that breaks off on the way lacks its last signed head"""
        receipts = self.taken_out(request)
        lines = export_lines(receipts, heads_for(receipts))
        first = list(islice(lines, MAX_STRETCH + 1))  # to the first signed head: without a publisher it is a problem
        return _streamed(_ended(chain(first, lines)), NDJSON, "jsonl")

    def taken_out(self, request: Request) -> Q:
        """What is asked for, once it is noted that somebody asked."""
        filters = ReceiptFilter(request.query_params, queryset=self.get_queryset())
        if not filters.is_valid():
            raise translate_validation(filters.errors)
        receipts = wanted(filters.form.cleaned_data)
        note_export(filters=request.query_params.dict(), actor=self.actor)
        return receipts


class CsvRenderer(BaseRenderer):
    """Only stands for the media type, too."""

    media_type = CSV
    format = "csv"


class ExportTable(ExportReceipts):
    """`manage.py receipts export --csv`: for a spreadsheet; nothing verifies a table"""

    renderer_classes = (CsvRenderer,)

    @extend_schema(responses={(200, CSV): {"type": "string"}}, filters=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Streamed; cells that a spreadsheet would take for a formula begin with an apostrophe"""
        return _streamed(csv_rows(self.taken_out(request)), CSV, "csv")


@service(Right.EXPORT_RECEIPTS)
def note_export(*, filters: Mapping[str, str], actor: Actor) -> None:
    """Whoever takes receipts out of the house leaves one."""
    detail: JsonObject = {"filters": dict(filters)}
    record_admin_receipt(actor=actor.name, action="receipts.export", detail=detail)


def wanted(given: Mapping[str, Any]) -> Q:
    """The query; raises 400 for a time that there never was."""
    options = {name: value or None for name, value in given.items()}
    for name in ("since", "until"):
        _check_time(name, options[name])
    found = which(options)
    if options["type"]:
        found &= Q(receipt_type=options["type"])
    if options["trace"]:
        if not options["since"]:
            raise refused_query("trace", "every receipt there is would be looked into", "say since when with since=")
        found &= of_trace(options["trace"])
    return found


def _check_time(name: str, text: str | None) -> None:
    try:
        from_text(f"{text}T00:00:00Z" if text and "T" not in text else text or NEVER)
    except ValueError:
        raise refused_query(name, "is no time", "like 2026-01-31 or 2026-01-31T12:00:00Z") from None


def _streamed(parts: Iterable[bytes | str], media_type: str, ending: str) -> StreamingHttpResponse:
    name = f"receipts-{timezone.now():%Y%m%dT%H%M%SZ}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(parts, content_type=media_type, headers=headers)


def _ended(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield line + b"\n"
