"""What a policy says of callers: values without a database."""

from dataclasses import dataclass, field
from typing import NamedTuple

from enforcer.contract.strict_json import JsonObject


class PrincipalKey(NamedTuple):
    """A principal is (issuer, subject)."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalSpec:
    """One principal and the names of its groups, sorted."""

    subject: str
    issuer: str
    actor_type: str = "user"
    groups: list[str] = field(default_factory=list)

    @property
    def key(self) -> PrincipalKey:
        """What it is known by."""
        return PrincipalKey(self.issuer, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """One group; who is in it is said at the principals."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProviderSpec:
    """One issuer with its public keys and the names of its claims."""

    issuer: str
    audience: str
    algorithms: list[str]
    jwks: JsonObject
    claim_subject: str = "sub"
    claim_actor_type: str = "actor_type"
    claim_client_id: str = "client_id"
    claim_org_id: str = "org_id"
