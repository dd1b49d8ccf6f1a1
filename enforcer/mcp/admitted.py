"""A message that is one, of one era, under headers that agree with it. Nobody has asked the policy yet."""

from dataclasses import dataclass
from typing import Literal

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.eras import Era
from enforcer.mcp.faults import Fault, Refusal, RequestId
from enforcer.mcp.messages import Message
from enforcer.mcp.methods import Treatment
from enforcer.mcp.sessions import Session


@dataclass(frozen=True, slots=True)
class Admitted:
    """`params` are as sent, `_meta` included. `session` is there for every legacy message but `initialize`."""

    era: Era
    protocol_version: str
    kind: Literal["request", "notification", "bodiless"]
    treatment: Treatment
    method: str
    id: RequestId | None
    params: JsonObject
    progress_token: RequestId | None = None
    session: Session | None = None

    @property
    def arguments(self) -> JsonObject:
        """Of a `tools/call`; absent and null are empty."""
        given = self.params.get("arguments")
        return given if isinstance(given, dict) else {}

    def refuse(self, fault: Fault, sentence: str) -> Refusal:
        """Found wrong after all: a cursor, a header of a tool that is known by now, a session that is gone upstream."""
        return Refusal(fault, sentence, id=self.id, method=self.method)


def admitted(
    message: Message,
    *,
    era: Era,
    version: str,
    treatment: Treatment,
    session: Session | None = None,
) -> Admitted:
    """All of it from one message."""
    token = message.meta.get("progressToken")
    return Admitted(
        era=era,
        protocol_version=version,
        kind=message.kind,
        treatment=treatment,
        method=message.method,
        id=message.id,
        params=message.params,
        progress_token=token if isinstance(token, str | int) else None,
        session=session,
    )
