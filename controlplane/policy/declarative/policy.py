"""Everything a policy file can say, as values: what a file wants, and what the rows hold, in the same form."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TypeAlias

from controlplane.credentials.specs import VaultBackendSpec
from controlplane.grants.specs import GrantSpec
from controlplane.inventory.specs import RiskPatternSpec, ServerSpec, ToolSpec, TrustLevelSpec
from controlplane.principals.specs import GroupSpec, IdentityProviderSpec, PrincipalKey, PrincipalSpec

ToolKey: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KillSpec:
    """A switch that is to be up."""

    target: str
    reason: str


Spec: TypeAlias = (
    TrustLevelSpec
    | IdentityProviderSpec
    | VaultBackendSpec
    | GroupSpec
    | PrincipalSpec
    | ServerSpec
    | ToolSpec
    | GrantSpec
    | RiskPatternSpec
    | KillSpec
)


@dataclass(slots=True)
class Policy:
    """Objects by what they are known by. `discovered` and `backends_in_use` are facts that no file says."""

    trust_levels: dict[str, TrustLevelSpec] = field(default_factory=dict)
    identity_providers: dict[str, IdentityProviderSpec] = field(default_factory=dict)
    vault_backends: dict[str, VaultBackendSpec] = field(default_factory=dict)
    groups: dict[str, GroupSpec] = field(default_factory=dict)
    principals: dict[PrincipalKey, PrincipalSpec] = field(default_factory=dict)
    servers: dict[str, ServerSpec] = field(default_factory=dict)
    tools: dict[ToolKey, ToolSpec] = field(default_factory=dict)
    grants: dict[str, GrantSpec] = field(default_factory=dict)
    risk_patterns: dict[tuple[str, str], RiskPatternSpec] = field(default_factory=dict)
    kill_switches: dict[str, KillSpec] = field(default_factory=dict)
    discovered: dict[ToolKey, ToolSpec] = field(default_factory=dict)
    backends_in_use: frozenset[str] = frozenset()

    def default_issuer(self) -> str | None:
        """The first identity provider's."""
        return next(iter(self.identity_providers), None)


def overlaid(below: Policy, above: Policy) -> Policy:
    """What there will be after `above` was applied, nothing pruned."""
    return Policy(
        trust_levels=below.trust_levels | above.trust_levels,
        identity_providers=below.identity_providers | above.identity_providers,
        vault_backends=below.vault_backends | above.vault_backends,
        groups=below.groups | above.groups,
        principals=below.principals | above.principals,
        servers=below.servers | above.servers,
        tools=below.discovered | below.tools | above.tools,
        grants=below.grants | above.grants,
        risk_patterns=below.risk_patterns | above.risk_patterns,
        kill_switches=below.kill_switches | above.kill_switches,
    )


# In the order in which objects can refer to each other, and so be read, written and, backwards, removed.
SECTIONS: tuple[tuple[str, str], ...] = (
    ("trust_levels", "trust_level"),
    ("identity_providers", "identity_provider"),
    ("vault_backends", "vault_backend"),
    ("groups", "group"),
    ("principals", "principal"),
    ("risk_patterns", "risk_pattern"),
    ("servers", "server"),
    ("tools", "tool"),
    ("grants", "grant"),
    ("kill_switches", "kill_switch"),
)


def section(policy: Policy, name: str) -> dict[Hashable, Spec]:
    """The objects of one section, whatever their kind."""
    found: dict[Hashable, Spec] = getattr(policy, name)
    return found
