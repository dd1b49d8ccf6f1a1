"""`Idempotency-Key`: however often a write arrives, it is done once, and every sender gets the same answer.

The key's row is written in the transaction of the write itself: a second sender waits for the first to end, and a
process that dies in between leaves neither. What hands out a secret can't be one transaction (the publisher signs what
is committed), so there the row comes first, and a second sender is told that it happened, not what.
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from django.db import transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.api.models import IdempotencyKey
from controlplane.api.problems import Refusal
from controlplane.policy.declarative.yaml_lines import Written
from enforcer.contract.canonical import hash_of
from enforcer.contract.strict_json import JsonObject, JsonValue

V = TypeVar("V", bound=APIView)
P = ParamSpec("P")
Handler = Callable[Concatenate[V, Request, P], Response]
HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT = timedelta(hours=24)
LONGEST = 255
SHAPE = rf"[!-~]{{1,{LONGEST}}}"


def idempotent(handler: Handler[V, P]) -> Handler[V, P]:
    """For a handler whose answer may be given again."""

    @wraps(handler)
    def run(view: V, request: Request, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = _key(request)
        if key is None:
            return handler(view, request, *args, **kwargs)
        with transaction.atomic():
            row, fresh = _claim(request, key)
            if not fresh:
                return _again(row)
            answered = handler(view, request, *args, **kwargs)
            row.status, row.answer = answered.status_code, json.dumps(answered.data)
            row.location = answered.headers.get("Location", "")
            row.save(update_fields=["status", "answer", "location"])
        return answered

    return _marked(run)


def idempotent_secret(handler: Handler[V, P]) -> Handler[V, P]:
    """For a handler whose answer holds a secret, which is stored nowhere."""

    @wraps(handler)
    def run(view: V, request: Request, *args: P.args, **kwargs: P.kwargs) -> Response:
        key = _key(request)
        if key is None:
            return handler(view, request, *args, **kwargs)
        row, fresh = _claim(request, key)
        if not fresh:
            raise Refusal(HTTPStatus.CONFLICT, "already issued under this key; it is not shown again")
        done = False
        try:
            answered = handler(view, request, *args, **kwargs)
            done = True
        finally:
            if not done:
                row.delete()
        return answered

    return _marked(run)


def _marked(run: Any) -> Handler[V, P]:
    run.idempotent = True  # read by `controlplane.api.openapi`
    return cast("Handler[V, P]", run)


def _key(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not re.fullmatch(SHAPE, key):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"{HEADER} has 1 to {LONGEST} printable ASCII characters without spaces")
    return key


def _claim(request: Request, key: str) -> tuple[IdempotencyKey, bool]:
    """The row, and whether it is new; raises 422 where the key stands for another request."""
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    wanted = {"fingerprint": _fingerprint(request)}
    row, fresh = IdempotencyKey.objects.get_or_create(caller=str(request.auth), key=key, defaults=wanted)
    if row.fingerprint != wanted["fingerprint"]:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"this {HEADER} was used for another request; take a new one")
    return row, fresh


def _again(row: IdempotencyKey) -> Response:
    headers = {REPLAYED: "true"} | ({"Location": row.location} if row.location else {})
    return Response(json.loads(row.answer), status=row.status, headers=headers)


def _fingerprint(request: Request) -> str:
    data: Any = request.data
    body: JsonValue = data.value if isinstance(data, Written) else data
    query: JsonObject = {name: str(value) for name, value in request.query_params.items()}
    return hash_of([str(request.method), request.path, query, body])
