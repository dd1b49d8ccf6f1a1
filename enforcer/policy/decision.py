"""What `decide` is given beyond the call, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from enforcer.contract.levels import Risk
from enforcer.contract.reasons import ReasonCode
from enforcer.policy.arguments import ArgumentFacts

Definition = Literal["unseen", "same", "changed"]
Check = Literal["pass", "fail", "error"]
Result = Literal["allow", "deny", "require_approval"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the pipeline found out; the receipt keeps it, so that a replay gives the same answer.

    `lease_age_s`: none without a lease. `definition`: the live one against the pinned or declared one. `constraints`:
    by grant id. `rates`: tokens left before this call by bucket (`buckets_of`); a missing one is full.
    """

    lease_age_s: float | None
    definition: Definition = "unseen"
    arguments: ArgumentFacts | None = None
    constraints: Mapping[str, Check] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    permit: None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `reasons` are the true ones, the main one first; `told` is what the caller may know.

    `detail` is for the receipt; a caller may read it only where `told` equals `reasons`.
    """

    result: Result
    reasons: tuple[ReasonCode, ...]
    told: tuple[ReasonCode, ...]
    policy_id: str | None = None
    risk: Risk | None = None
    detail: str = ""
    snapshot_version: int = 0
    incident_epoch: int = 0
    kill_switch_ids: tuple[str, ...] = ()
    retry_after_s: float | None = None
