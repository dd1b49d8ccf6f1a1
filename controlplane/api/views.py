"""The base of every view: who may do what with which parameters, and the two shapes of reading.

`rights` says per method what it needs, `query` which parameters it takes besides filters and pages. No answer is ever
kept by a cache.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast

from django.db.models import Model
from django.http import Http404
from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.schemas.inspectors import ViewInspector
from rest_framework.throttling import BaseThrottle

from controlplane.api.authentication import SessionAuthentication, TokenAuthentication
from controlplane.api.filters import FilterBackend, Filters
from controlplane.api.openapi import Schema
from controlplane.api.pagination import Keyset, Orderings
from controlplane.api.permissions import HasRight, Rights, rights_of
from controlplane.api.query import check_query
from controlplane.api.throttles import PerCaller
from controlplane.common.actor import Actor, Right

M = TypeVar("M", bound=Model)
NO_STORE = "no-store"


class ApiView(GenericAPIView[M]):
    """A view without `rights` serves nobody."""

    rights: ClassVar[Rights] = {}
    query: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    fresh: ClassVar[tuple[str, ...]] = ()  # methods for which a browser's sign-in has to be a fresh one
    authentication_classes: Sequence[type[BaseAuthentication]] = (TokenAuthentication, SessionAuthentication)
    permission_classes: Sequence[type[BasePermission]] = (HasRight,)
    throttle_classes: Sequence[type[BaseThrottle]] = (PerCaller,)
    schema: ViewInspector | None = Schema()
    http_method_names = ["get", "head", "post", "put", "delete"]

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return cast("Actor", self.request.user)

    @property
    def allowed_methods(self) -> list[str]:
        """Those that name a right, for the header Allow."""
        return [method for method in super().allowed_methods if rights_of(self, method)]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After rights, the query: unknown parameters are refused by name."""
        super().initial(request, *args, **kwargs)
        check_query(request.query_params, self.parameters(request.method or ""))

    def parameters(self, method: str) -> tuple[str, ...]:
        """All that the method takes."""
        return self.query.get("GET" if method == "HEAD" else method, ())

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Policy, people and receipts lie in no cache."""
        finished: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        finished.headers["Cache-Control"] = NO_STORE
        return finished


class ListView(ListModelMixin, ApiView[M]):
    """GET of many rows: filtered by `filterset_class`, ordered by `orderings`, in pages."""

    rights: ClassVar[Rights] = {"GET": Right.VIEW}
    filter_backends = (FilterBackend,)
    filterset_class: ClassVar[type[Filters] | None] = None
    pagination_class = Keyset
    orderings: ClassVar[Orderings] = {}
    usual_order: ClassVar[str] = ""  # the first of `orderings`, unless a view says another

    def parameters(self, method: str) -> tuple[str, ...]:
        """Reading takes filters and pages."""
        named = super().parameters(method)
        if method not in ("GET", "HEAD"):
            return named
        filters = tuple(self.filterset_class.base_filters) if self.filterset_class else ()
        return (*named, *filters, *Keyset.names)

    def get(self, request: Request) -> Response:
        """A page of them."""
        return self.list(request)


class NewestFirst(ListView[M]):
    """Rows that are only ever added, by the number that each got."""

    orderings: ClassVar[Orderings] = {"id": ("id",)}
    usual_order: ClassVar[str] = "-id"


class DetailView(RetrieveModelMixin, ApiView[M]):
    """GET of one row, found by `lookup_field`, or by several where a URL has several (`lookup_fields`)."""

    rights: ClassVar[Rights] = {"GET": Right.VIEW}
    lookup_fields: ClassVar[Mapping[str, str]] = {}

    def get(self, request: Request, **kwargs: Any) -> Response:
        """One of them."""
        return self.retrieve(request, **kwargs)

    def get_object(self) -> M:
        """Raises 404; text that no row could hold finds nothing either."""
        if not all(str(value).isprintable() for value in self.kwargs.values()):
            raise Http404
        if self.lookup_fields:
            wanted = {column: self.kwargs[name] for name, column in self.lookup_fields.items()}
            return get_object_or_404(self.get_queryset(), **wanted)
        return super().get_object()

    def filter_queryset(self, queryset: Any) -> Any:
        """Filters are for lists."""
        return queryset


class Row(serializers.ModelSerializer[M]):
    """A row as the API shows it: `Meta` names every field, none can be written."""

    def get_fields(self) -> dict[str, Any]:
        """All read-only, so that the document says that each is always there."""
        fields: dict[str, Any] = dict(super().get_fields())
        for field in fields.values():
            field.read_only, field.required = True, False
        return fields


class Acted(serializers.Serializer[Any]):
    """`change_ids` is empty where it was so already; `/changes/{id}` says who has applied a change."""

    change_ids = serializers.ListField(child=serializers.IntegerField())


def acted(change_id: int | None, **more: Any) -> dict[str, Any]:
    """For the answer of what an enforcer hears of."""
    return {**more, "change_ids": [] if change_id is None else [change_id]}


def created(data: Any, location: str) -> Response:
    """201, and where it is now."""
    return Response(data, status=HTTPStatus.CREATED, headers={"Location": location})
