"""Try it: what a gate would answer to one call, by the rows as they are now and the functions that gates decide with.

Nothing is stored, sent or charged. What only a gate knows is assumed, and `assumed` says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from django.utils import timezone

from controlplane.common.errors import InvalidState
from controlplane.grants.models import Grant
from controlplane.grants.reach import grants_on, reaching
from controlplane.incidents.compile import stopped_on
from controlplane.inventory.compile import critical_patterns, tools_of
from controlplane.inventory.models import Server
from controlplane.policy.compile import snapshot_of
from controlplane.principals.models import Principal
from enforcer.contract.incident import Incident
from enforcer.contract.reasons import Explanation, ReasonCode, explanation
from enforcer.contract.strict_json import MAX_DEPTH, JsonObject, StrictJsonError, TooDeepError, parse_object
from enforcer.contract.targets import Target, parse_target
from enforcer.policy.call import Call, Caller
from enforcer.policy.credential import at_the_credential
from enforcer.policy.decision import Decision, Facts
from enforcer.policy.index import IndexProblem, build_index
from enforcer.policy.judge import judge
from enforcer.policy.steps import Step, steps

NO_ENFORCER = ""
FRESH_S = 0.0
AROUND = 2  # levels of the message that the arguments stand in


@dataclass(frozen=True, slots=True)
class Trial:
    """`told` is what the caller would read, which is less where they may not know the reason."""

    decision: Decision
    steps: tuple[Step, ...]
    explanation: Explanation
    told: Explanation
    assumed: tuple[str, ...]

    @property
    def discreet(self) -> bool:
        """Whether the caller is told something else than the true reason."""
        return self.decision.told != self.decision.reasons


@dataclass(frozen=True, slots=True)
class Unread:
    """Arguments that a gate would refuse before it decides."""

    reason: ReasonCode
    detail: str


def read_arguments(server: Server, text: str) -> JsonObject | Unread:
    """As a gate reads them: one strict JSON object, within the server's size."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > server.max_request_bytes:
        return Unread(ReasonCode.DENY_PAYLOAD_TOO_LARGE, f"{len(raw)} bytes, {server.max_request_bytes} are allowed")
    try:
        return parse_object(raw, max_depth=MAX_DEPTH - AROUND)
    except TooDeepError as problem:
        return Unread(ReasonCode.DENY_PAYLOAD_TOO_LARGE, str(problem))
    except StrictJsonError as problem:
        return Unread(ReasonCode.DENY_MALFORMED_REQUEST, str(problem))


def simulate(*, server: Server, subject: str, issuer: str, tool: str, arguments: JsonObject) -> Trial:
    """The decision on this call; raises `InvalidState` where the rows are a policy that no gate would load."""
    now = timezone.now()
    callers = _callers(server, subject, issuer)
    snapshot = snapshot_of(server, callers, tools_of(server).filter(name=tool), (), now=now)
    index = build_index(msgspec.structs.replace(snapshot, critical_patterns=critical_patterns()))
    if isinstance(index, IndexProblem):
        raise InvalidState("snapshot_refused", f"server {server.id}: {index.detail}")
    incident = stopped_on(server.id, now)
    call = Call(NO_ENFORCER, server.id, tool, Caller(subject, issuer))
    at = now.timestamp()
    decision, facts = judge(
        index, incident, call, arguments, before=Facts(FRESH_S), rates=dict[str, float](), real=None, now=at
    )
    decision = at_the_credential(index, decision)
    way = steps(index, call, facts, decision, at)
    assumed = tuple(_assumed(server, incident))
    return Trial(decision, way, explanation(decision.reasons), explanation(decision.told), assumed)


def _callers(server: Server, subject: str, issuer: str) -> list[tuple[Principal, list[Grant]]]:
    """The principal with the grants that reach it here; nobody where it isn't declared."""
    row = Principal.objects.filter(subject=subject, issuer=issuer).prefetch_related("groups").first()
    return [] if row is None else [(row, list(grants_on(server).filter(reaching(row))))]


def _assumed(server: Server, incident: Incident) -> Iterator[str]:
    yield "that the gate has this policy, and fresh news of it"
    yield "that the server's live definition is the one that was reviewed"
    yield "that no rate is used up"
    if server.workspace:
        yield "that no path leads over a link: the disk of the gate is not seen from here"
    for switch in incident.kill_switches:
        target = parse_target(switch.target)
        if isinstance(target, Target) and target.kind in ("enforcer", "session"):
            yield f"that the call is not stopped by the kill switch on {switch.target}"
