"""What the API says and takes of users and API tokens."""

from typing import Any

from rest_framework import serializers

from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.roles import ROLES
from controlplane.accounts.services import LONGEST_DAYS
from controlplane.api.bodies import Described, choice, obj, text, texts, whole
from controlplane.api.views import Row
from controlplane.common.actor import Right

USUAL_DAYS = 90
ROLE_NAMES = list(ROLES)
EMAIL = text(longest=254, default="")
ROLE_LIST = texts(of=choice(ROLE_NAMES))
RIGHTS = [right.value for right in Right]


class UserRow(Row[User]):
    """Somebody who signs in."""

    username = serializers.CharField(
        read_only=True
    )  # without Django's pattern: its \\w is any letter, JSON Schema's ASCII
    roles = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("username", "email", "roles", "is_active", "last_login", "date_joined")

    def get_roles(self, row: User) -> list[str]:
        """Their names."""
        return sorted(group.name for group in row.groups.all())


class CreatedUser(serializers.Serializer[Any]):
    """The link sets the password; it works once and is shown this once."""

    user = UserRow()
    password_link = serializers.CharField()


class CreateUserBody(Described):
    """Who, and what they may do."""

    schema = obj(
        {"username": text(longest=150), "email": EMAIL, "roles": ROLE_LIST},
        required=["username", "roles"],
        example={"username": "grace", "roles": ["responder"]},
    )


class ChangeUserBody(Described):
    """All of it, as it is to be."""

    schema = obj(
        {"email": EMAIL, "roles": ROLE_LIST, "active": {"type": "boolean"}},
        required=["email", "roles", "active"],
        example={"email": "grace@example.com", "roles": ["responder", "auditor"], "active": True},
    )


class ApiTokenRow(Row[ApiToken]):
    """A token for this API, never its secret."""

    scopes = serializers.ListField(child=serializers.ChoiceField(RIGHTS))

    class Meta:
        model = ApiToken
        fields = ("key", "name", "scopes", "created_by", "created_at", "expires_at", "last_used_at", "revoked_at",
                  "revoked_by")  # fmt: skip


class CreatedApiToken(serializers.Serializer[Any]):
    """The token, which is shown this once."""

    token = serializers.CharField()
    api_token = ApiTokenRow()


class CreateApiTokenBody(Described):
    """What it is for, and what it may do: nothing that whoever asks may not."""

    schema = obj(
        {
            "name": text(longest=100),
            "scopes": texts(of=choice(RIGHTS), least=1),
            "days": whole(default=USUAL_DAYS, most=LONGEST_DAYS),
        },
        required=["name", "scopes"],
        example={"name": "ci", "scopes": ["view"], "days": 30},
    )
