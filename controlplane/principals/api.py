"""Callers and their tokens over the API."""

import base64

from django.db.models import Exists, OuterRef
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.bodies import reading
from controlplane.api.filters import Equal, Filters, OneOf
from controlplane.api.idempotency import idempotent, idempotent_secret
from controlplane.api.items import WRITE_QUERY, ItemDetail, ItemList
from controlplane.api.views import Acted, ApiView, DetailView, ListView, acted, created
from controlplane.common.actor import Right
from controlplane.common.errors import Conflict
from controlplane.incidents.models import RevokedToken
from controlplane.incidents.services import revoke_token
from controlplane.principals import api_shapes as shapes
from controlplane.principals.models import ActorType, Group, IdentityProvider, IssuedToken, Principal
from controlplane.principals.tokens import LONGEST_S, issue_token
from enforcer.contract.strict_json import parse_object

HOUR_S = 3600
REVOKED = Exists(RevokedToken.objects.filter(jti=OuterRef("jti")))


class IdentityProviders(ItemList[IdentityProvider]):
    """Identity providers; the first is meant where a principal names no issuer"""

    section = "identity_providers"
    names = ("issuer",)
    queryset = IdentityProvider.objects.all()
    serializer_class = shapes.IdentityProviderItem
    orderings = {"age": ("id",)}


class IdentityProviderDetail(ItemDetail[IdentityProvider]):
    """One identity provider"""

    section = "identity_providers"
    names = ("issuer",)
    queryset = IdentityProvider.objects.all()
    serializer_class = shapes.IdentityProviderItem
    lookup_field = "issuer"


class Groups(ItemList[Group]):
    """Groups"""

    section = "groups"
    names = ("name",)
    queryset = Group.objects.all()
    serializer_class = shapes.GroupItem
    orderings = {"name": ("name",)}


class GroupDetail(ItemDetail[Group]):
    """One group"""

    section = "groups"
    names = ("name",)
    queryset = Group.objects.all()
    serializer_class = shapes.GroupItem
    lookup_field = "name"


class PrincipalFilter(Filters):
    """Which principals."""

    subject = Equal("subject", longest=255)
    issuer = Equal("issuer")
    group = Equal("groups__name", "those in it", longest=255)
    actor_type = OneOf("actor_type", ActorType.values)


class Principals(ItemList[Principal]):
    """Principals"""

    section = "principals"
    names = ("issuer", "subject")
    queryset = Principal.objects.all()
    serializer_class = shapes.PrincipalItem
    filterset_class = PrincipalFilter
    orderings = {"issuer": ("issuer", "subject")}  # the order of the index


class PrincipalDetail(ItemDetail[Principal]):
    """One principal; `issuer` says which where several issuers know the subject"""

    section = "principals"
    names = ("issuer", "subject")
    query = {"GET": ("issuer",), "PUT": (*WRITE_QUERY, "issuer"), "DELETE": (*WRITE_QUERY, "issuer")}
    queryset = Principal.objects.all()
    serializer_class = shapes.PrincipalItem

    def get_object(self) -> Principal:
        """As a grant names it."""
        return the_principal(self.kwargs["subject"], self.request.query_params.get("issuer"))


def the_principal(subject: str, issuer: str | None) -> Principal:
    """As a grant names it; raises 404, and 409 where it could be several."""
    if not subject.isprintable():
        raise Http404
    found = Principal.objects.filter(subject=subject)
    rows = list((found.filter(issuer=issuer) if issuer else found)[:2])
    if not rows:
        raise Http404
    if len(rows) > 1:
        raise Conflict("issuer", f"{subject!r} is known from several issuers; say which with ?issuer=")
    return rows[0]


class TokenFilter(Filters):
    """Which tokens."""

    subject = Equal("subject", longest=255)
    server = Equal("server_id", longest=63)
    issued_by = Equal("issued_by", longest=255)


class Tokens(ListView[IssuedToken]):
    """That tokens were issued, never the tokens"""

    rights = {"GET": Right.VIEW, "POST": Right.ISSUE_TOKENS}
    queryset = IssuedToken.objects.annotate(revoked=REVOKED)
    serializer_class = shapes.TokenRow
    filterset_class = TokenFilter
    orderings = {"issued_at": ("issued_at", "jti")}
    usual_order = "-issued_at"

    @extend_schema(request=shapes.IssueBody, responses={201: shapes.IssuedOnce})
    @idempotent_secret
    def post(self, request: Request) -> Response:
        """Issue a token; it is shown once"""
        with reading(request) as body:
            subject, server = body.text("subject"), body.ident("server", default="")
            ttl_s = body.whole("ttl_s", default=HOUR_S)
            if ttl_s > LONGEST_S:
                body.wrong("ttl_s", f"{ttl_s} is out of range", f"1 to {LONGEST_S}")
        token = issue_token(subject=subject, server_id=server or None, ttl_s=ttl_s, actor=self.actor)
        jti = _jti(token)
        return created({"token": token, "jti": jti}, f"{request.path}/{jti}")


class TokenDetail(DetailView[IssuedToken]):
    """That one token was issued"""

    queryset = IssuedToken.objects.annotate(revoked=REVOKED)
    serializer_class = shapes.TokenRow
    lookup_field = "jti"


class RevokeIssued(ApiView[IssuedToken]):
    """As under /revocations/tokens."""

    rights = {"POST": Right.RAISE_KILL}
    throttle_classes = ()
    queryset = IssuedToken.objects.all()

    @extend_schema(request=shapes.RevokeBody, responses={200: Acted})
    @idempotent
    def post(self, request: Request, jti: str) -> Response:
        """Revoke a token, for good"""
        with reading(request) as body:
            reason = body.text("reason", longest=2000, free=True)
        if not (jti.isprintable() and IssuedToken.objects.filter(jti=jti).exists()):
            raise Http404
        done = revoke_token(jti=jti, reason=reason, actor=self.actor)
        return Response(acted(done.change_id))


def _jti(token: str) -> str:
    """Of a token that the publisher has just signed."""
    claims = token.split(".")[1]
    jti = parse_object(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]
    assert isinstance(jti, str)
    return jti
