"""What a grant says, without a database, and the key of a grant that was given none."""

from dataclasses import dataclass, field
from datetime import datetime

from controlplane.principals.specs import PrincipalKey
from enforcer.contract.canonical import hash_of
from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantSpec:
    """Principal or group × server and tools, or a selector; empty text means not given."""

    key: str = ""
    effect: str = "allow"
    principal: PrincipalKey | None = None
    group: str = ""
    server_id: str = ""
    tools: list[str] = field(default_factory=list)
    trust: str = ""
    risk: str = ""
    max_risk: Risk = Risk.MEDIUM
    constraint: JsonObject | None = None
    rate: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    reason: str = ""
    ticket: str = ""

    @property
    def who(self) -> str:
        """For people."""
        return f"group {self.group}" if self.group else (self.principal.subject if self.principal else "nobody")

    @property
    def what(self) -> str:
        """For people."""
        if self.server_id:
            return f"{self.server_id} [{', '.join(self.tools)}]"
        return " ".join(f"{name}:{value}" for name, value in (("trust", self.trust), ("risk", self.risk)) if value)


def content_key(grant: GrantSpec) -> str:
    """`g-` and 20 hexadecimal digits of the hash of all that is given and decides (reason and ticket don't)."""
    content: JsonObject = {
        "effect": grant.effect,
        "principal": list(grant.principal) if grant.principal else "",
        "group": grant.group,
        "server": grant.server_id,
        "tools": list(grant.tools),
        "trust": grant.trust,
        "risk": grant.risk,
        "max_risk": grant.max_risk.value,
        "constraint": grant.constraint,
        "rate": grant.rate,
        "not_before": to_text(grant.not_before.timestamp()) if grant.not_before else "",
        "not_after": to_text(grant.not_after.timestamp()) if grant.not_after else "",
    }
    given: JsonObject = {name: value for name, value in content.items() if value not in ("", [], None)}
    return "g-" + hash_of(given).removeprefix("sha256:")[:20]
