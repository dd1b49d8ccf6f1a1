"""What is known of one message on its way: filled in by the stages, read by the receipt and the answer."""

from dataclasses import dataclass
from typing import Literal

from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.contract.snapshot import ToolPolicy
from enforcer.contract.strict_json import JsonObject
from enforcer.journal.store import Recorded
from enforcer.link.state import Applied
from enforcer.mcp.admission import Admitted
from enforcer.mcp.requests import HttpRequest
from enforcer.mcp.sessions import Principal, Session
from enforcer.pipeline.inflight import Flight
from enforcer.pipeline.trace import Trace
from enforcer.policy.call import Call, Caller
from enforcer.policy.decision import Decision, Facts


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision as receipt and answer need it; `told` is what the caller may know."""

    result: Literal["allow", "deny", "require_approval"]
    reasons: tuple[ReasonCode, ...]
    told: tuple[ReasonCode, ...]
    policy_id: str | None = None
    risk: Risk | None = None
    detail: str = ""
    kill_switch_ids: tuple[str, ...] = ()
    retry_after_s: float | None = None
    policy: tuple[int, int] | None = None  # (snapshot version, epoch) that it was made by; none: the transaction's

    @classmethod
    def of(cls, decision: Decision) -> "Verdict":
        """What `decide` said."""
        return cls(
            decision.result,
            decision.reasons,
            decision.told,
            decision.policy_id,
            decision.risk,
            decision.detail,
            decision.kill_switch_ids,
            decision.retry_after_s,
            (decision.snapshot_version, decision.incident_epoch) if decision.snapshot_version else None,
        )

    @classmethod
    def deny(cls, *reasons: ReasonCode, detail: str = "") -> "Verdict":
        """A refusal that needed no policy; the caller is told all of it but the detail."""
        return cls("deny", reasons, reasons, detail=detail)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a message that was sent."""

    status: Literal["success", "error", "timeout"]
    duration_s: float
    size_out: int = 0
    detail: str = ""


@dataclass(slots=True)
class Transaction:
    """One message. Times are wall-clock seconds; `began` and `decided_in` are of the monotonic clock."""

    enforcer_id: str
    server_id: str
    request: HttpRequest
    receipt_id: str
    trace_id: str
    started: float
    caller: Caller | None = None
    policy: Applied | None = None
    admitted: Admitted | None = None
    facts: Facts | None = None
    decided_at: float | None = None
    verdict: Verdict | None = None
    outcome: Outcome | None = None
    definition_hash: str | None = None
    refused_method: str | None = None
    upstream_cursor: str | None = None
    opening: Session | None = None
    flight: Flight | None = None
    trace: Trace | None = None
    began: float = 0.0
    decided_in: float | None = None
    ended: bool = False
    repeated: JsonObject | None = None  # what else its receipt stands for
    recorded: Recorded | None = None  # its receipt, once that is durable

    @property
    def method(self) -> str | None:
        """Of the message, as far as it could be read."""
        return self.admitted.method if self.admitted else self.refused_method

    @property
    def tool(self) -> str | None:
        """The tool that a `tools/call` names."""
        if self.admitted is None or self.method != "tools/call":
            return None
        name = self.admitted.params.get("name")
        return name if isinstance(name, str) else None

    @property
    def arguments(self) -> JsonObject | None:
        """Of a `tools/call`; absent is empty."""
        if self.admitted is None or self.method != "tools/call":
            return None
        given = self.admitted.params.get("arguments")
        return given if isinstance(given, dict) else {}

    @property
    def principal(self) -> Principal:
        """(issuer, subject)."""
        assert self.caller is not None
        return (self.caller.issuer, self.caller.subject)

    @property
    def owner(self) -> str:
        """Whose process or connection at the upstream this is: a session's, else a principal's."""
        session = self.opening or (self.admitted.session if self.admitted else None)
        return session.owner if session else f"principal {self.principal!r}"

    @property
    def input_schema(self) -> JsonObject:
        """Of the tool that is called, as declared."""
        tool = self._declared
        return tool.input_schema if tool else {}

    @property
    def reviewed_schema(self) -> JsonObject | None:
        """The same, where a person has approved or written it."""
        tool = self._declared
        return tool.input_schema if tool and tool.state == "reviewed" else None

    @property
    def _declared(self) -> ToolPolicy | None:
        tool = self.policy.index.tools.get(self.tool) if self.policy and self.tool else None
        return tool.policy if tool else None

    @property
    def call(self) -> Call:
        """What is decided; only once caller and message are known."""
        assert self.caller is not None
        return Call(self.enforcer_id, self.server_id, self.tool or "", self.caller)
