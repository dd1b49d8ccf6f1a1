"""What the embedding program gets back."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from enforcer.contract.strict_json import JsonObject, JsonValue, parse_object
from enforcer.mcp.answers import Answer
from enforcer.pipeline.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says of one message.

    `codes`: the reason codes that the caller may know, the main one first; the receipt holds them all.
    `error`: the JSON-RPC error object to answer the caller with; None where there is nothing to refuse.
    """

    result: Literal["allow", "deny", "require_approval"]
    codes: tuple[str, ...]
    receipt_id: str
    policy_id: str | None = None
    risk: str | None = None
    retry_after_s: float | None = None
    error: JsonObject | None = field(default=None, repr=False)

    @property
    def allowed(self) -> bool:
        """Whether the tool may run. Nothing else means yes."""
        return self.result == "allow"


class ToolList(list[JsonObject]):
    """The definitions that the caller may see; empty where the decision is no."""

    def __init__(
        self, tools: Iterable[JsonObject], decision: Decision, receipt: JsonObject | None, next_cursor: str | None
    ) -> None:
        super().__init__(tools)
        self.decision, self.receipt, self.next_cursor = decision, receipt, next_cursor


class CallRefused(Exception):  # noqa: N818 - an answer of the policy, no error
    """The tool must not run. `receipt` is as the journal holds it; None where the journal could not take it."""

    def __init__(self, decision: Decision, receipt: JsonObject | None, why: str = "") -> None:
        super().__init__(f"{why or ', '.join(decision.codes) or decision.result} (receipt {decision.receipt_id})")
        self.decision, self.receipt = decision, receipt


class CallStopped(CallRefused):
    """The tool ran, and the caller must not have its result: a kill, a timeout, a result that is none."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How one message ended. `ran`: whether it was handed to the tool."""

    answer: Answer
    tx: Transaction
    ran: bool = False

    @property
    def result(self) -> JsonObject | None:
        """The result as the caller may have it."""
        found = (self.answer.body or {}).get("result")
        return found if isinstance(found, dict) else None

    @property
    def why(self) -> str:
        """Why a tool that ran has no result for the caller; empty where the policy says it."""
        refused = self.tx.verdict is not None and self.tx.verdict.result != "allow"
        return "" if refused or self.tx.outcome is None else self.tx.outcome.detail

    @property
    def receipt(self) -> JsonObject | None:
        """As the journal holds it."""
        return None if self.tx.recorded is None else parse_object(self.tx.recorded.line)

    def decision(self) -> Decision:
        """`allow` only for what was handed out: a gate that allowed and could not go on says no."""
        verdict = self.tx.verdict
        assert verdict is not None, "every way out has a verdict"
        allowed = verdict.result == "allow" and (self.ran or self.result is not None)
        error = (self.answer.body or {}).get("error")
        return Decision(
            result="allow" if allowed else "deny" if verdict.result == "allow" else verdict.result,
            codes=tuple(map(str, verdict.told)) if allowed or verdict.result != "allow" else _failure(error),
            receipt_id=self.tx.receipt_id,
            policy_id=verdict.policy_id,
            risk=None if verdict.risk is None else str(verdict.risk),
            retry_after_s=verdict.retry_after_s,
            error=error if isinstance(error, dict) else None,
        )


def _failure(error: JsonValue) -> tuple[str, ...]:
    data = error.get("data") if isinstance(error, dict) else None
    reason = data.get("reason") if isinstance(data, dict) else None
    return (reason,) if isinstance(reason, str) else ()
