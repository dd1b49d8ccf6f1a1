"""What is decided: who calls which tool of which server, through which enforcer."""

from dataclasses import dataclass

NO_TOOL = ""  # of a list, a ping and whatever else calls no tool


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller; a principal is (issuer, subject). `expires_at` is the token's, unix seconds."""

    subject: str
    issuer: str
    actor_type: str = "user"
    client_id: str | None = None
    org_id: str | None = None
    token_id: str | None = None
    session_id: str | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One `tools/call`; equal tool names on two servers share nothing."""

    enforcer_id: str
    server_id: str
    tool: str
    caller: Caller
