"""What is switched off, over the API. What stops something is never throttled."""

from http import HTTPStatus

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.bodies import LONGEST_ID, reading
from controlplane.api.filters import Absent, Equal, Filters
from controlplane.api.idempotency import idempotent
from controlplane.api.views import Acted, ApiView, DetailView, NewestFirst, acted
from controlplane.common.actor import Right
from controlplane.incidents import api_shapes as shapes
from controlplane.incidents import services
from controlplane.incidents.lowering import (
    end_egress_block_by_two,
    end_quarantine_by_two,
    keep_raised,
    lower_by_two,
    restore_by_two,
)
from controlplane.incidents.models import (
    EgressBlock,
    KillSwitch,
    Quarantine,
    RevokedPrincipal,
    RevokedToken,
)
from controlplane.principals.models import OWN_ISSUER

SWITCHED = {200: shapes.Switched, 201: shapes.Switched}
DONE = {200: Acted, 201: Acted}
ENDED = {200: Acted, 202: Acted}


class KillSwitchFilter(Filters):
    """`raised=true` is what stands now."""

    target = Equal("target")
    raised = Absent("lowered_at", "whether it is up")


class KillSwitches(NewestFirst[KillSwitch]):
    """All kill switches, the newest first, lowered ones too"""

    queryset = KillSwitch.objects.all()
    serializer_class = shapes.KillSwitchRow
    filterset_class = KillSwitchFilter


class KillSwitchDetail(DetailView[KillSwitch]):
    """One kill switch"""

    queryset = KillSwitch.objects.all()
    serializer_class = shapes.KillSwitchRow


class RaiseKill(ApiView[KillSwitch]):
    """`manage.py kill raise`"""

    rights = {"POST": Right.RAISE_KILL}
    throttle_classes = ()

    @extend_schema(request=shapes.RaiseBody, responses=SWITCHED)
    @idempotent
    def post(self, request: Request) -> Response:
        """Raise a kill switch"""
        with reading(request) as body:
            target = body.text("target", longest=services.LONGEST_TARGET)
            reason = body.text("reason", longest=shapes.LONGEST_REASON, free=True)
            message = body.text("message", default="", longest=services.LONGEST_MESSAGE)
            expires_at = body.time("expires_at")
        done = services.raise_kill(
            target=target, reason=reason, message=message, expires_at=expires_at, actor=self.actor
        )
        return _switched(done)


class LowerKill(ApiView[KillSwitch]):
    """`manage.py kill lower`"""

    rights = {"POST": Right.LOWER_KILL}
    fresh = ("POST",)

    @extend_schema(request=shapes.LowerBody, responses={200: shapes.Switched, 202: shapes.Switched})
    @idempotent
    def post(self, request: Request) -> Response:
        """Lower a kill switch: the first of two persons asks (202), another one does it (200)"""
        with reading(request) as body:
            target = body.text("target", longest=services.LONGEST_TARGET)
            reason = body.text("reason", longest=shapes.LONGEST_REASON, free=True)
        done = lower_by_two(target=target, reason=reason, actor=self.actor)
        waits = done.switch is not None and done.switch.lowered_at is None
        data = shapes.Switched(acted(done.change_id, kill_switch=done.switch)).data
        return Response(data, status=HTTPStatus.ACCEPTED if waits else HTTPStatus.OK)


class KeepRaised(ApiView[KillSwitch]):
    """What the second person answers who doesn't want it lowered."""

    rights = {"POST": Right.RAISE_KILL}
    throttle_classes = ()

    @extend_schema(request=shapes.LowerBody, responses={200: Acted})
    @idempotent
    def post(self, request: Request) -> Response:
        """Keep a kill switch raised that somebody asked to lower"""
        with reading(request) as body:
            target = body.text("target", longest=services.LONGEST_TARGET)
            reason = body.text("reason", longest=shapes.LONGEST_REASON, free=True)
        keep_raised(target=target, reason=reason, actor=self.actor)
        return Response(acted(None))


class RevokedPrincipalFilter(Filters):
    """Whom."""

    subject = Equal("subject")
    issuer = Equal("issuer")


class RevokedPrincipals(NewestFirst[RevokedPrincipal]):
    """Principals whose every token is refused"""

    rights = {"GET": Right.VIEW, "POST": Right.RAISE_KILL}
    queryset = RevokedPrincipal.objects.all()
    serializer_class = shapes.RevokedPrincipalRow
    filterset_class = RevokedPrincipalFilter
    throttle_classes = ()

    @extend_schema(request=shapes.PrincipalBody, responses=DONE)
    @idempotent
    def post(self, request: Request) -> Response:
        """Revoke a principal"""
        return _done(services.revoke_principal(**_whom(request), actor=self.actor))


class RestorePrincipal(ApiView[RevokedPrincipal]):
    """The way back."""

    rights = {"POST": Right.LOWER_KILL}
    fresh = ("POST",)

    @extend_schema(request=shapes.PrincipalBody, responses=ENDED)
    @idempotent
    def post(self, request: Request) -> Response:
        """End the revocation of a principal: the first of two persons asks (202), another one does it (200)"""
        return _ended(restore_by_two(**_whom(request), actor=self.actor))


class RevokedTokenFilter(Filters):
    """Which."""

    jti = Equal("jti")


class RevokedTokens(NewestFirst[RevokedToken]):
    """Tokens that are refused for good"""

    rights = {"GET": Right.VIEW, "POST": Right.RAISE_KILL}
    queryset = RevokedToken.objects.all()
    serializer_class = shapes.RevokedTokenRow
    filterset_class = RevokedTokenFilter
    throttle_classes = ()

    @extend_schema(request=shapes.RevokeTokenBody, responses=DONE)
    @idempotent
    def post(self, request: Request) -> Response:
        """Revoke a token"""
        with reading(request) as body:
            jti = body.text("jti", longest=services.LONGEST_TOKEN_ID)
            reason = body.text("reason", longest=shapes.LONGEST_REASON, free=True)
            expires_at = body.time("expires_at")
        return _done(services.revoke_token(jti=jti, reason=reason, expires_at=expires_at, actor=self.actor))


class QuarantineFilter(Filters):
    """Whom."""

    target = Equal("target")


class Quarantines(NewestFirst[Quarantine]):
    """Principals and sessions that are held"""

    rights = {"GET": Right.VIEW, "POST": Right.RAISE_KILL}
    queryset = Quarantine.objects.all()
    serializer_class = shapes.QuarantineRow
    filterset_class = QuarantineFilter
    throttle_classes = ()

    @extend_schema(request=shapes.QuarantineBody, responses=DONE)
    @idempotent
    def post(self, request: Request) -> Response:
        """Quarantine a principal or a session"""
        return _done(services.quarantine(**_held(request), actor=self.actor))


class EndQuarantine(ApiView[Quarantine]):
    """The way back."""

    rights = {"POST": Right.LOWER_KILL}
    fresh = ("POST",)

    @extend_schema(request=shapes.QuarantineBody, responses=ENDED)
    @idempotent
    def post(self, request: Request) -> Response:
        """End a quarantine: the first of two persons asks (202), another one does it (200)"""
        return _ended(end_quarantine_by_two(**_held(request), actor=self.actor))


class EgressBlocks(NewestFirst[EgressBlock]):
    """Servers that may reach nothing"""

    rights = {"GET": Right.VIEW, "POST": Right.RAISE_KILL}
    queryset = EgressBlock.objects.all()
    serializer_class = shapes.EgressBlockRow
    throttle_classes = ()

    @extend_schema(request=shapes.EgressBody, responses=DONE)
    @idempotent
    def post(self, request: Request) -> Response:
        """Block the egress of a server"""
        return _done(services.block_egress(**_server(request), actor=self.actor))


class EndEgressBlock(ApiView[EgressBlock]):
    """The way back."""

    rights = {"POST": Right.LOWER_KILL}
    fresh = ("POST",)

    @extend_schema(request=shapes.EgressBody, responses=ENDED)
    @idempotent
    def post(self, request: Request) -> Response:
        """End the egress block of a server: the first of two persons asks (202), another one does it (200)"""
        return _ended(end_egress_block_by_two(**_server(request), actor=self.actor))


def _whom(request: Request) -> dict[str, str]:
    with reading(request) as body:
        return {
            "subject": body.text("subject"),
            "issuer": body.text("issuer", default=OWN_ISSUER, longest=shapes.LONGEST_ISSUER),
            "reason": body.text("reason", longest=shapes.LONGEST_REASON, free=True),
        }


def _held(request: Request) -> dict[str, str]:
    with reading(request) as body:
        return {
            "target": body.text("target", longest=services.LONGEST_TARGET),
            "reason": body.text("reason", longest=shapes.LONGEST_REASON, free=True),
        }


def _server(request: Request) -> dict[str, str]:
    with reading(request) as body:
        return {
            "server": body.text("server", longest=LONGEST_ID),
            "reason": body.text("reason", longest=shapes.LONGEST_REASON, free=True),
        }


def _ended(done: services.Acted) -> Response:
    return Response(acted(done.change_id), status=HTTPStatus.ACCEPTED if done.waits else HTTPStatus.OK)


def _done(done: services.Acted) -> Response:
    return Response(acted(done.change_id), status=_status(done.change_id))


def _switched(done: services.Switched) -> Response:
    said = shapes.Switched(acted(done.change_id, kill_switch=done.switch)).data
    return Response(said, status=_status(done.change_id))


def _status(change_id: int | None) -> HTTPStatus:
    return HTTPStatus.OK if change_id is None else HTTPStatus.CREATED
