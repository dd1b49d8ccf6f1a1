"""What the API says and takes of incidents."""

from controlplane.api import bodies
from controlplane.api.bodies import Described, obj
from controlplane.api.views import Acted, Row
from controlplane.incidents import services
from controlplane.incidents.models import (
    EgressBlock,
    KillSwitch,
    PlannedKill,
    Quarantine,
    RevokedPrincipal,
    RevokedToken,
)
from controlplane.principals.models import OWN_ISSUER
from enforcer.contract.strict_json import JsonObject

LONGEST_ISSUER = 512
LONGEST_REASON = 2000
TARGET = bodies.text("all, or KIND:NAME as CONTRACTS section 5 lists them", longest=services.LONGEST_TARGET)
REASON = bodies.text("why, for history and receipt", longest=LONGEST_REASON)
WHO: JsonObject = {
    "subject": bodies.text("of the principal"),
    "issuer": bodies.text(longest=LONGEST_ISSUER, default=OWN_ISSUER),
    "reason": REASON,
}
SUBJECT_EXAMPLE: JsonObject = {"subject": "billing-agent", "reason": "its laptop was stolen"}


class KillSwitchRow(Row[KillSwitch]):
    """A switch; `lowered_at` is null while it is up. `asked_by` wants it lowered, and waits for a second person."""

    class Meta:
        model = KillSwitch
        fields = ("id", "target", "reason", "message", "raised_by", "raised_at", "expires_at", "asked_by",
                  "asked_at", "asked_reason", "lowered_by", "lowered_at",
                  "lowered_reason")  # fmt: skip


class PlannedKillRow(Row[PlannedKill]):
    """Raised at `starts_at`; `ended_at` is null while that is to come, `outcome` says what became of it."""

    class Meta:
        model = PlannedKill
        fields = ("id", "target", "reason", "message", "starts_at", "expires_at", "planned_by", "planned_at",
                  "ended_at", "outcome", "switch")  # fmt: skip


class RevokedPrincipalRow(Row[RevokedPrincipal]):
    """Every token of it is refused."""

    class Meta:
        model = RevokedPrincipal
        fields = ("id", "subject", "issuer", "actor", "reason", "revoked_at", "asked_by", "asked_at", "asked_reason")


class RevokedTokenRow(Row[RevokedToken]):
    """Refused for good."""

    class Meta:
        model = RevokedToken
        fields = ("id", "jti", "expires_at", "actor", "reason", "revoked_at")


class QuarantineRow(Row[Quarantine]):
    """Held: it stays signed in and is refused everything."""

    class Meta:
        model = Quarantine
        fields = ("id", "target", "actor", "reason", "started_at", "asked_by", "asked_at", "asked_reason")


class EgressBlockRow(Row[EgressBlock]):
    """It reaches nothing. `asked_by` wants that ended, and waits for a second person."""

    class Meta:
        model = EgressBlock
        fields = ("id", "server", "actor", "reason", "started_at", "asked_by", "asked_at", "asked_reason")


class Switched(Acted):
    """`change_ids` is empty where it was so already; `/changes/{id}` says who has applied it."""

    kill_switch = KillSwitchRow(allow_null=True)


class RaiseBody(Described):
    """Which switch, and why; `message` is told to callers."""

    schema = obj(
        {
            "target": TARGET,
            "reason": REASON,
            "message": bodies.text(longest=services.LONGEST_MESSAGE, default=""),
            "expires_at": bodies.time("when it lowers itself; never, if not given"),
        },
        required=["target", "reason"],
        example={"target": "tool:files/fs_delete", "reason": "it deletes what it shouldn't"},
    )


class PlanBody(Described):
    """Which switch, when, and why."""

    schema = obj(
        {
            "target": TARGET,
            "starts_at": bodies.time("when it is raised"),
            "reason": REASON,
            "message": bodies.text(longest=services.LONGEST_MESSAGE, default=""),
            "expires_at": bodies.time("when it lowers itself; never, if not given"),
        },
        required=["target", "starts_at", "reason"],
        example={"target": "server:files", "starts_at": "2027-01-31T22:00:00Z", "reason": "the disk is replaced"},
    )


class BecauseBody(Described):
    """Why."""

    schema = obj({"reason": REASON}, required=["reason"], example={"reason": "it was put off"})


class LowerBody(Described):
    """Which switch, and why."""

    schema = obj(
        {"target": TARGET, "reason": REASON},
        required=["target", "reason"],
        example={"target": "tool:files/fs_delete", "reason": "mended"},
    )


class PrincipalBody(Described):
    """Whom, and why."""

    schema = obj(WHO, required=["subject", "reason"], example=SUBJECT_EXAMPLE)


class RevokeTokenBody(Described):
    """Which token, and why; one of another issuer needs the time at which it ends."""

    schema = obj(
        {
            "jti": bodies.text("the id of the token", longest=services.LONGEST_TOKEN_ID),
            "reason": REASON,
            "expires_at": bodies.time("when it ends by itself"),
        },
        required=["jti", "reason"],
        example={"jti": "2mD0cPqLrZ", "reason": "it stood in a log"},
    )


class QuarantineBody(Described):
    """`principal:SUBJECT` or `session:ID`, and why."""

    schema = obj(
        {"target": bodies.text(longest=services.LONGEST_TARGET), "reason": REASON},
        required=["target", "reason"],
        example={"target": "principal:billing-agent", "reason": "it asks for odd things"},
    )


class EgressBody(Described):
    """Of which server, and why."""

    schema = obj(
        {"server": bodies.text("its id", longest=bodies.LONGEST_ID), "reason": REASON},
        required=["server", "reason"],
        example={"server": "files", "reason": "it calls a host that nobody knows"},
    )
