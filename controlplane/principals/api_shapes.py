"""Items of callers, as JSON Schemas, and what is said of tokens."""

from rest_framework import serializers

from controlplane.api import bodies
from controlplane.api.bodies import Described, choice, ident, obj, text, texts
from controlplane.api.views import Row
from controlplane.policy.declarative.items import CLAIMS
from controlplane.policy.declarative.read_callers import ACTOR_TYPES, LONGEST_URL
from controlplane.policy.declarative.rules_keys import ALGORITHMS
from controlplane.principals.models import IssuedToken
from controlplane.principals.tokens import LONGEST_S
from enforcer.contract.strict_json import JsonObject

JWKS: JsonObject = {
    "type": "object",
    "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
    "required": ["keys"],
    "description": "public keys (RFC 7517)",
}


class IdentityProviderItem(Described):
    """An issuer whose tokens are accepted."""

    schema = obj(
        {
            "issuer": text("the iss of its tokens", longest=LONGEST_URL),
            "audience": text("the aud that they must have", longest=LONGEST_URL),
            "algorithms": texts(of=choice(ALGORITHMS), least=1),
            "jwks": JWKS,
            "claims": obj({name: text(default=usual) for name, usual in CLAIMS.items()}, note="where they say what"),
        },
        required=["issuer", "audience", "algorithms", "jwks"],
        example={
            "issuer": "https://idp.example",
            "audience": "drawbridge",
            "algorithms": ["EdDSA"],
            "jwks": {"keys": []},
        },
    )


class GroupItem(Described):
    """A group; who is in it is said at the principals."""

    schema = obj({"name": text()}, required=["name"], example={"name": "finance"})


class PrincipalItem(Described):
    """Who calls. Without `issuer` the first identity provider is meant, or the control plane itself."""

    schema = obj(
        {
            "subject": text(),
            "issuer": text(longest=LONGEST_URL),
            "actor_type": choice(ACTOR_TYPES, default="user"),
            "groups": texts("one that is only named here is created"),
        },
        required=["subject"],
        example={"subject": "billing-agent", "actor_type": "agent", "groups": ["finance"]},
    )


class IssueBody(Described):
    """For whom; without `server` the token is good at every server where the subject has grants."""

    schema = obj(
        {"subject": text(), "server": ident(), "ttl_s": bodies.whole("seconds", default=3600, most=LONGEST_S)},
        required=["subject"],
        example={"subject": "billing-agent", "ttl_s": 3600},
    )


class RevokeBody(Described):
    """Why."""

    schema = obj({"reason": text(longest=2000)}, required=["reason"], example={"reason": "it stood in a log"})


class TokenRow(Row[IssuedToken]):
    """That a token was issued, never the token."""

    revoked = serializers.BooleanField()

    class Meta:
        model = IssuedToken
        fields = ("jti", "subject", "actor_type", "server_id", "issued_by", "issued_at", "expires_at", "revoked")


class IssuedOnce(serializers.Serializer[IssuedToken]):
    """The token, which is shown this once."""

    token = serializers.CharField()
    jti = serializers.CharField()
