"""Pages by keyset: a cursor names the last row that was shown, so a page costs the same wherever it stands.

A list says in `orderings` by what it may be ordered: name → columns, of which the last is unique and none is null.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from controlplane.api.problems import Refusal, refused_query
from enforcer.contract import strict_json
from enforcer.contract.canonical import canonical
from enforcer.contract.strict_json import JsonObject, JsonValue, StrictJsonError

USUAL = 50
MOST = 200
LONGEST_CURSOR = 4096
Orderings = Mapping[str, Sequence[str]]


class Keyset(BasePagination):
    """`limit`, `cursor` and `order` of a list; only forwards."""

    names = ("limit", "cursor", "order")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the page; raises 400."""
        orderings: Orderings = view.orderings
        given = request.query_params
        order = given.get("order", view.usual_order or next(iter(orderings)))
        columns = orderings.get(order.removeprefix("-"))
        if columns is None:
            raise refused_query("order", "can't be ordered by that", f"one of {', '.join(orders(orderings))}")
        limit = _limit(given.get("limit"))
        down = order.startswith("-")
        rows = queryset.order_by(*(f"-{column}" if down else column for column in columns))
        if "cursor" in given:
            rows = rows.filter(_after(queryset, columns, _position(given["cursor"], order, len(columns)), down=down))
        page = list(rows[: limit + 1])
        self._next = _next_url(request, order, page[limit - 1], columns) if len(page) > limit else None
        return page[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        """`next` is null on the last page."""
        return Response({"results": data, "next": self._next})

    def get_paginated_response_schema(self, schema: JsonObject) -> JsonObject:
        """For the OpenAPI document."""
        following: JsonObject = {"type": "string", "nullable": True, "description": "the next page; null on the last"}
        return {
            "type": "object",
            "properties": {"results": schema, "next": following},
            "required": ["results", "next"],
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """For the OpenAPI document."""
        orderings: Orderings = view.orderings
        return [
            _parameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}, "rows a page"),
            _parameter("cursor", {"type": "string"}, "where to go on; take it from `next`"),
            _parameter("order", {"type": "string", "enum": [*orders(orderings)]}, "- in front turns it round"),
        ]


def orders(orderings: Orderings) -> list[str]:
    """Every value of `order`."""
    return [sign + name for name in orderings for sign in ("", "-")]


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST):
        raise refused_query("limit", "is no number of rows", f"1 to {MOST}")
    return int(text)


def _after(queryset: QuerySet[Any], columns: Sequence[str], position: Sequence[JsonValue], *, down: bool) -> Q:
    """(a, b) after (x, y), written so that an index on a alone narrows it already."""
    word = "lt" if down else "gt"
    values = [_value(queryset, column, value) for column, value in zip(columns, position, strict=True)]
    found = Q(**{f"{columns[-1]}__{word}": values[-1]})
    for column, value in reversed(list(zip(columns[:-1], values[:-1], strict=True))):
        found = Q(**{f"{column}__{word}e": value}) & (Q(**{f"{column}__{word}": value}) | found)
    return found


def _value(queryset: QuerySet[Any], column: str, value: JsonValue) -> Any:
    field = queryset.model._meta.get_field(column)
    assert isinstance(field, Field)
    try:
        return field.to_python(value)
    except ValidationError:
        raise _bad_cursor() from None


def _position(cursor: str, order: str, length: int) -> list[JsonValue]:
    try:
        found = strict_json.parse(base64.b64decode(cursor[:LONGEST_CURSOR].encode(), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, StrictJsonError):
        raise _bad_cursor() from None
    if not isinstance(found, list) or len(found) != length + 1 or found[0] != order:
        raise _bad_cursor()
    if any(not isinstance(value, str | int) or isinstance(value, bool) or "\0" in str(value) for value in found):
        raise _bad_cursor()
    return found[1:]


def _bad_cursor() -> Refusal:
    return refused_query("cursor", "is none of this list in this order", "the one that `next` holds")


def _next_url(request: Request, order: str, row: Model, columns: Sequence[str]) -> str:
    position: list[JsonValue] = [order, *(_plain(getattr(row, column)) for column in columns)]
    cursor = base64.urlsafe_b64encode(canonical(position)).decode()
    return str(replace_query_param(request.get_full_path(), "cursor", cursor))


def _plain(value: Any) -> JsonValue:
    return value if isinstance(value, int) else str(value)


def _parameter(name: str, schema: JsonObject, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
