"""The incident state of one server: kill switches, revocations, quarantines, egress block. Always whole, never deltas.

What is not understood counts as everything of that server killed.
"""

import msgspec

from enforcer.contract import strict_json
from enforcer.contract.documents import SCHEMA, Document, DocumentError, Part
from enforcer.contract.targets import Target, parse_target


class KillSwitch(Part, frozen=True, kw_only=True):
    """A raised switch. `message` is for callers; the reason stays in the control plane."""

    id: str
    target: str
    message: str | None = None


class RevokedPrincipal(Part, frozen=True, kw_only=True):
    """Every token of this principal is refused."""

    subject: str
    issuer: str


class Incident(Document, frozen=True, kw_only=True):
    """The full state under one epoch. `quarantined` holds `principal:SUBJECT` and `session:ID`.

    `egress_blocked`: the server may reach nothing: no call with a URL argument, no network for a process of its own.
    """

    server_id: str
    epoch: int
    kill_switches: tuple[KillSwitch, ...] = ()
    revoked_principals: tuple[RevokedPrincipal, ...] = ()
    revoked_tokens: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    egress_blocked: bool = False

    @property
    def order(self) -> tuple[int, int]:
        """What epochs are compared by."""
        return (self.generation, self.epoch)

    @property
    def targets(self) -> tuple[tuple[str, Target], ...]:
        """(kill switch id, parsed target); `read_incident` made sure that every one parses."""
        return tuple((k.id, t) for k in self.kill_switches if isinstance(t := parse_target(k.target), Target))


NOT_UNDERSTOOD = "not-understood"


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    generation: int
    issued_at: str
    server_id: str
    epoch: int


def read_incident(payload: bytes) -> Incident:
    """Parse a verified payload; raises `DocumentError` only where not even its number can be read."""
    try:
        strict_json.parse_object(payload)
        head = msgspec.json.decode(payload, type=_Head)
    except (strict_json.StrictJsonError, msgspec.DecodeError) as problem:
        raise DocumentError(str(problem)) from None
    try:
        made = msgspec.json.decode(payload, type=Incident)
    except msgspec.DecodeError:
        return _everything_killed(head)
    understood = made.schema == SCHEMA and all(isinstance(parse_target(k.target), Target) for k in made.kill_switches)
    return made if understood else _everything_killed(head)


def _everything_killed(head: _Head) -> Incident:
    return Incident(
        schema=SCHEMA,
        generation=head.generation,
        issued_at=head.issued_at,
        server_id=head.server_id,
        epoch=head.epoch,
        kill_switches=(KillSwitch(id=NOT_UNDERSTOOD, target="all"),),
    )
