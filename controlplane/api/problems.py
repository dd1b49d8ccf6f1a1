"""Every refusal under /api/ in one form, problem+json (RFC 9457), and the one table from errors to HTTP.

`errors` lists what is wrong one by one: `pointer` (JSON Pointer, RFC 6901) into the body or `parameter` of the query,
what is wrong, and what would be right. A fault of our own says nothing but a reference under which the log has it.
"""

import json
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse, UnreadablePostError
from rest_framework import exceptions

from controlplane.common.errors import Conflict, DomainError, InvalidState, NotAllowed, StackUnreachable
from controlplane.policy.declarative.problems import Lines, Path, Problem, line_of
from enforcer.contract.strict_json import JsonObject, JsonValue

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
SHOWN = 100
STATUS: dict[type[Exception], HTTPStatus] = {
    Conflict: HTTPStatus.CONFLICT,
    InvalidState: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotAllowed: HTTPStatus.FORBIDDEN,
    StackUnreachable: HTTPStatus.SERVICE_UNAVAILABLE,
    OperationalError: HTTPStatus.SERVICE_UNAVAILABLE,
    InterfaceError: HTTPStatus.SERVICE_UNAVAILABLE,
    Http404: HTTPStatus.NOT_FOUND,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    RequestDataTooBig: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    SuspiciousOperation: HTTPStatus.BAD_REQUEST,
    UnreadablePostError: HTTPStatus.BAD_REQUEST,
}


@dataclass(slots=True)
class Refusal(Exception):  # noqa: N818 - carries a finished answer out of a view, and out of its transaction
    """A problem as it will be said."""

    status: HTTPStatus
    detail: str
    errors: list[JsonObject] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)


def refused_body(problems: Sequence[Problem], *, lines: Lines | None = None) -> Refusal:
    """422: the body can be read, and says something that can't be."""
    noun = "problem" if len(problems) == 1 else "problems"
    errors = [note(problem, lines) for problem in problems[:SHOWN]]
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{len(problems)} {noun}; nothing was changed", errors)


def refused_query(parameter: str, what: str, right: str) -> Refusal:
    """400: a parameter that isn't known here, or whose value can't be meant."""
    error: JsonObject = {"parameter": parameter, "detail": what, "right": right}
    return Refusal(HTTPStatus.BAD_REQUEST, f"{parameter}: {what}", [error])


def note(problem: Problem, lines: Lines | None = None) -> JsonObject:
    """A problem or warning as the API says it; the line where the text has lines."""
    said: JsonObject = {"pointer": pointer(problem.path), "detail": problem.what, "right": problem.right}
    line = problem.line or (line_of(problem.path, lines) if lines else None)
    return {**said, "line": line} if line else said


def pointer(path: Path) -> str:
    """`("tools", 2, "a/b")` → `/tools/2/a~1b`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponse:  # noqa: ARG001 - the framework's signature
    """The framework's exception handler: nothing leaves a view in another form."""
    if isinstance(error, Refusal):
        return answer(error.status, error.detail, errors=error.errors, headers=error.headers)
    if isinstance(error, DomainError):
        return _domain(error)
    if isinstance(error, exceptions.APIException):
        return _framework(error)
    if isinstance(error, ValidationError):
        return _invalid(error)
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return _other(error, status)
    return _fault(error)


def answer(
    status: int,
    detail: str,
    *,
    errors: Sequence[JsonObject] = (),
    extra: Mapping[str, JsonValue] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The response, whatever the view would otherwise answer in."""
    phrase = HTTPStatus(status).phrase
    said: dict[str, Any] = {"type": "about:blank", "title": phrase, "status": int(status), "detail": detail}
    if errors:
        said["errors"] = list(errors)
    body = json.dumps({**said, **(extra or {})})
    return HttpResponse(body, status=status, content_type=MEDIA_TYPE, headers=dict(headers or {}))


def _domain(error: DomainError) -> HttpResponse:
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    extra: JsonObject = {"code": error.code}
    return answer(status, error.message, extra=extra)


def _invalid(error: ValidationError) -> HttpResponse:
    """What a model refuses of a field."""
    said: Mapping[str, list[str]] = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    problems = [Problem((name,) if name else (), " ".join(words), "another value") for name, words in said.items()]
    return handle(refused_body(problems), {})


def _framework(error: exceptions.APIException) -> HttpResponse:
    headers: dict[str, str] = {}
    if found := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = found
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    if isinstance(error.detail, dict):  # what django-filter refuses
        errors: list[JsonObject] = [_parameter(name, words) for name, words in error.detail.items()]
        return answer(error.status_code, "the query can't be meant", errors=errors, headers=headers)
    return answer(error.status_code, str(error.detail), headers=headers)


def _parameter(name: str, words: Any) -> JsonObject:
    said = " ".join(str(word) for word in words) if isinstance(words, Iterable) else str(words)
    return {"parameter": name, "detail": said, "right": "a value as the schema at /api/v1/schema/ describes it"}


def _other(error: Exception, status: HTTPStatus) -> HttpResponse:
    if isinstance(error, StackUnreachable):
        return answer(status, str(error), headers={"Retry-After": "5"})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return _fault(error, status)
    return answer(status, status.description or status.phrase)


def _fault(error: Exception, status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR) -> HttpResponse:
    reference = secrets.token_hex(8)
    log.error("a request to the API failed, reference %s", reference, exc_info=error)
    return answer(status, f"this is our own fault; the log has it under {reference}", extra={"reference": reference})
