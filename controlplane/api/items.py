"""Objects of the policy over the API: bodies are items, exactly as they stand in a policy file (CONTRACTS section 5).

What `GET` gives, `PUT` takes back. Writing goes through `controlplane.policy.edits`; whoever may only propose gets 202
and the proposal that was opened.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast
from urllib.parse import quote

from django.db.models import Model
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.bodies import Described
from controlplane.api.idempotency import idempotent
from controlplane.api.item_rows import items_of
from controlplane.api.problems import refused_body
from controlplane.api.query import flag, reason
from controlplane.api.saved import Proposed, Saved, proposed, saved
from controlplane.api.views import ApiView, DetailView, ListView, created
from controlplane.common.actor import Right
from controlplane.common.edits import editing
from controlplane.common.errors import Conflict
from controlplane.policy import edits
from controlplane.policy.declarative.problems import Problem
from controlplane.policy.proposals import propose
from enforcer.contract.strict_json import JsonObject, JsonValue

M = TypeVar("M", bound=Model)
EDITS = (Right.EDIT_POLICY, Right.PROPOSE)
WRITE_QUERY = ("dry_run", "reason")
ANSWERS = {200: Saved, 202: Proposed}


class ItemView(ApiView[M]):
    """`section` is that of the policy file, `names` are the keys of an item that name its object."""

    section: ClassVar[str]
    names: ClassVar[tuple[str, ...]]
    edit_right: ClassVar[Right] = Right.EDIT_POLICY

    def write(self, item: JsonObject, *, fresh: bool) -> Response:
        """Save it, if it is new exactly where it has to be; or propose it."""
        dry_run, why = flag(self.request, "dry_run"), reason(self.request)
        acts = self.actor.may(self.edit_right) and not dry_run
        with editing():  # a refusal that comes after the edit takes it back
            done = edits.save(section=self.section, item=item, actor=self.actor, reason=why, dry_run=not acts)
            if done.problems:
                raise refused_body(done.problems)
            made = [change.key for change in done.changes if change.section == self.section and not change.before]
            if fresh and not made:
                raise Conflict("there_already", "it is there already; PUT replaces it")
            if made and not fresh:
                raise Http404
            if not acts and not dry_run:
                return self._proposed(item, why, removal=False)
        if acts and fresh:
            return created(saved(done), f"{self.request.path}/{path_of(self.section, made[0])}")
        return Response(saved(done))

    def take_away(self, item: JsonObject) -> Response:
        """Remove it, or propose to."""
        dry_run, why = flag(self.request, "dry_run"), reason(self.request)
        if not dry_run and not self.actor.may(self.edit_right):
            return self._proposed(item, why, removal=True)
        done = edits.remove(section=self.section, item=item, actor=self.actor, reason=why, dry_run=dry_run)
        return Response(saved(done))

    def _proposed(self, item: JsonObject, why: str, *, removal: bool) -> Response:
        row = propose(section=self.section, item=item, removal=removal, actor=self.actor, reason=why)
        return Response(proposed(row), status=HTTPStatus.ACCEPTED)


class ItemList(ItemView[M], ListView[M]):
    """GET and POST of a section."""

    rights = {"GET": Right.VIEW, "POST": EDITS}
    query = {"POST": WRITE_QUERY}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ARG002
        """Items in place of rows."""
        page: Sequence[M] = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or ()
        return self.get_paginated_response(items_of(self.section, page))

    @extend_schema(responses={200: Saved, 201: Saved, 202: Proposed})
    @idempotent
    def post(self, request: Request) -> Response:
        """Create one"""
        return self.write(_item(request), fresh=True)


class ItemDetail(ItemView[M], DetailView[M]):
    """GET, PUT and DELETE of one object, whose names stand in the URL."""

    rights = {"GET": Right.VIEW, "PUT": EDITS, "DELETE": EDITS}
    query = {"PUT": WRITE_QUERY, "DELETE": WRITE_QUERY}

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ARG002
        """The item in place of the row."""
        return Response(self._item_of(self.get_object()))

    @extend_schema(responses=ANSWERS)
    def put(self, request: Request, **kwargs: Any) -> Response:  # noqa: ARG002
        """Replace it; keys that are left out get their default"""
        item, named = _item(request), self._named()
        other = [name for name in self.names if name in item and item[name] != named[name]]
        if other:
            right = f"{named[other[0]]!r}, or leave it out"
            raise refused_body([Problem((name,), "is not the one of the URL", right) for name in other])
        return self.write({**self._optional(named), **item}, fresh=False)

    @extend_schema(request=None, responses=ANSWERS)
    def delete(self, request: Request, **kwargs: Any) -> Response:  # noqa: ARG002
        """Remove it, and what can't stand without it"""
        return self.take_away(self._named())

    def _optional(self, named: JsonObject) -> JsonObject:
        """Names that an item may go without are those of the URL."""
        shape = cast("type[Described]", self.serializer_class).schema
        return {
            name: value for name, value in named.items() if name not in cast("list[str]", shape.get("required", []))
        }

    def _item_of(self, row: M) -> JsonObject:
        return items_of(self.section, [row])[0]

    def _named(self) -> JsonObject:
        item = self._item_of(self.get_object())
        return {name: item[name] for name in self.names}


def path_of(section: str, key: Any) -> str:
    """The end of the address of an object: what it is known by, each part in one piece."""
    if section == "principals":
        issuer, subject = key
        return f"{quote(subject, safe='')}?issuer={quote(issuer, safe='')}"
    words = key if isinstance(key, tuple) else (key,)
    return "/".join(quote(str(word), safe="") for word in words)


def _item(request: Request) -> JsonObject:
    data: JsonValue = request.data
    if not isinstance(data, dict):
        raise refused_body([Problem((), "is no mapping", "an item as it stands in a policy file")])
    return data
