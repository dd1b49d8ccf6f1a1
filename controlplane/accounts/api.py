"""Users and API tokens over the API."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.accounts import api_shapes as shapes
from controlplane.accounts import services
from controlplane.accounts.models import ApiToken, User
from controlplane.api.bodies import reading
from controlplane.api.filters import Absent, Equal, Filters, OneOf
from controlplane.api.idempotency import idempotent, idempotent_secret
from controlplane.api.views import ApiView, DetailView, ListView, created
from controlplane.common.actor import Right
from controlplane.policy.declarative.reader import Reader

PEOPLE = Right.MANAGE_PEOPLE


class UserFilter(Filters):
    """Whom."""

    role = OneOf("groups__name", shapes.ROLE_NAMES)


class Users(ListView[User]):
    """Users"""

    rights = {"GET": PEOPLE, "POST": PEOPLE}
    fresh = ("POST",)
    queryset = User.objects.prefetch_related("groups")
    serializer_class = shapes.UserRow
    filterset_class = UserFilter
    orderings = {"username": ("username",)}

    @extend_schema(request=shapes.CreateUserBody, responses={201: shapes.CreatedUser})
    @idempotent_secret
    def post(self, request: Request) -> Response:
        """Create a user; the link to set a password is shown once"""
        with reading(request) as body:
            username, email, roles = body.text("username", longest=150), _email(body), _roles(body)
        user = services.create_user(username=username, email=email, roles=roles, actor=self.actor)
        link = services.new_password_link(user=user, actor=self.actor)
        said = {"user": shapes.UserRow(user).data, "password_link": link}
        return created(said, f"{request.path}/{username}")


class UserDetail(DetailView[User]):
    """One user"""

    rights = {"GET": PEOPLE, "PUT": PEOPLE}
    fresh = ("PUT",)
    queryset = User.objects.prefetch_related("groups")
    serializer_class = shapes.UserRow
    lookup_field = "username"

    @extend_schema(request=shapes.ChangeUserBody, responses={200: shapes.UserRow})
    def put(self, request: Request, username: str) -> Response:  # noqa: ARG002 - `get_object` looks at it
        """Change a user; whoever gains or loses a role signs in anew"""
        with reading(request) as body:
            email, roles, active = _email(body), _roles(body), body.flag("active")
            for key in ("email", "active"):
                if key not in body:
                    body.wrong(key, "is missing", "write it: what is left out would be lost")
        services.change_user(user=self.get_object(), email=email, roles=roles, active=active, actor=self.actor)
        return Response(shapes.UserRow(self.get_object()).data)


class ApiTokenFilter(Filters):
    """Which tokens."""

    name = Equal("name", longest=100)
    created_by = Equal("created_by", longest=255)
    live = Absent("revoked_at", "whether it is not revoked")


class ApiTokens(ListView[ApiToken]):
    """API tokens, never their secrets"""

    rights = {"GET": PEOPLE, "POST": PEOPLE}
    fresh = ("POST",)
    queryset = ApiToken.objects.all()
    serializer_class = shapes.ApiTokenRow
    filterset_class = ApiTokenFilter
    orderings = {"key": ("key",)}

    @extend_schema(request=shapes.CreateApiTokenBody, responses={201: shapes.CreatedApiToken})
    @idempotent_secret
    def post(self, request: Request) -> Response:
        """Create an API token; it is shown once"""
        with reading(request) as body:
            name, scopes = body.text("name", longest=100), body.texts("scopes")
            days = body.whole("days", default=shapes.USUAL_DAYS)
            _check_words(body, "scopes", scopes, shapes.RIGHTS)
        row, token = services.create_api_token(name=name, scopes=scopes or [], days=days, actor=self.actor)
        return created({"token": token, "api_token": shapes.ApiTokenRow(row).data}, f"{request.path}/{row.key}")


class ApiTokenDetail(DetailView[ApiToken]):
    """One API token"""

    rights = {"GET": PEOPLE}
    queryset = ApiToken.objects.all()
    serializer_class = shapes.ApiTokenRow
    lookup_field = "key"


class RevokeApiToken(ApiView[ApiToken]):
    """At once."""

    rights = {"POST": PEOPLE}
    queryset = ApiToken.objects.all()

    @extend_schema(request=None, responses={200: shapes.ApiTokenRow})
    @idempotent
    def post(self, request: Request, key: str) -> Response:  # noqa: ARG002 - it has no body
        """Revoke an API token, for good"""
        if not (key.isprintable() and ApiToken.objects.filter(key=key).exists()):
            raise Http404
        services.revoke_api_token(key=key, actor=self.actor)
        return Response(shapes.ApiTokenRow(ApiToken.objects.get(key=key)).data)


def _email(body: Reader) -> str:
    email = body.text("email", default="", longest=254)
    if email:
        try:
            validate_email(email)
        except ValidationError:
            body.wrong("email", "is no address", "like grace@example.com")
    return email


def _roles(body: Reader) -> list[str]:
    roles = body.texts("roles")
    _check_words(body, "roles", roles, shapes.ROLE_NAMES)
    return roles or []


def _check_words(body: Reader, key: str, words: list[str] | None, known: list[str]) -> None:
    if words is None and key not in body:
        body.wrong(key, "is missing", f"some of {', '.join(known)}")
    for number, word in enumerate(words or []):
        if word not in known:
            body.wrong((key, number), f"{word!r} is unknown", f"one of {', '.join(known)}")
