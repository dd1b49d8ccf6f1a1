"""The words of this package: what was asked for, what is launched, and why nothing is."""

from dataclasses import dataclass
from typing import Literal

FsPolicy = Literal["workspace_only", "read_only", "none"]
NetPolicy = Literal["allowlist", "block_all", "none"]


@dataclass(frozen=True, slots=True)
class SandboxPolicy:
    """What the policy asks for. `none` means no isolation of that kind."""

    fs: FsPolicy
    net: NetPolicy


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """One way to start a server. `fs_policy` and `net_policy` are what really holds, for receipts, not the wish."""

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    fs_policy: FsPolicy
    net_policy: NetPolicy
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why this server is not launched: one sentence for the operator."""

    reason: str
