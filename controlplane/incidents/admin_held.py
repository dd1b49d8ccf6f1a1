"""Revocations, quarantines and egress blocks: adding one acts, what can end is ended with a reason, by two persons."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.acts import Act, Done
from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.unseen import shortened
from controlplane.incidents.effect import effect_lines
from controlplane.incidents.following import change_of
from controlplane.incidents.forms import EgressForm, QuarantineForm, RevokePrincipalForm, RevokeTokenForm
from controlplane.incidents.lowering import (
    asked,
    end_egress_block_by_two,
    end_quarantine_by_two,
    is_second,
    restore_by_two,
)
from controlplane.incidents.models import AskedToEnd, EgressBlock, Quarantine, RevokedPrincipal, RevokedToken
from controlplane.incidents.services import Acted, block_egress, quarantine, revoke_principal, revoke_token

ASKING = "Nothing changes yet: a second person has to do it, within 24 hours"
ALL_SERVERS = "Every server’s enforcers are told; the page shows which have confirmed it"


def _given(request: HttpRequest, *names: str) -> dict[str, Any]:
    """What a link from another page filled in."""
    return {name: request.GET[name][:512] for name in names if request.GET.get(name)}


Ending = Callable[..., Acted]  # takes `reason` and `actor`
Held = RevokedPrincipal | RevokedToken | Quarantine | EgressBlock


class HeldAdmin(DetailAdmin[Any]):
    """`noun` and `when` are for the page of one row."""

    detail_template = "admin/incidents/held.html"
    add_right = Right.RAISE_KILL
    when = "revoked_at"

    def facts(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        at, actor = getattr(obj, self.when), actor_of_request(request)
        may_end = bool(self.acts) and actor.may(Right.LOWER_KILL)
        waits = isinstance(obj, AskedToEnd) and asked(obj)
        return {
            "at": at,
            "followed": change_of(obj.actor, at),
            "end_url": self.url(obj, self.acts[0]) if may_end else "",
            "asked": waits,
            "alone": not settings.KILL_LOWER_SECOND_PERSON,
            "second": waits and is_second(obj, actor),
            **self.said(obj),
        }

    def said(self, obj: Any) -> dict[str, Any]:
        """`rows` are label and text of the table, `end` is what the button says."""
        raise NotImplementedError

    def ending(
        self,
        request: HttpRequest,
        row: Any,
        what: str,
        button: str,
        effect: Sequence[str],
        perform: Callable[..., Acted],
    ) -> Act:
        """The act by which two persons end it: the first asks, the second does it."""
        actor = actor_of_request(request)
        does = not settings.KILL_LOWER_SECOND_PERSON or is_second(row, actor)
        said = [f"{row.asked_by} asked for it: {shortened(row.asked_reason)}"] if asked(row) else []
        return Act(
            title=what if does else f"Ask to {what[0].lower()}{what[1:]}",
            button=button if does else "Ask a second person",
            right=Right.LOWER_KILL,
            slow=True,
            effect=(*(() if does else (ASKING,)), *said, *effect),
            perform=lambda given: self._ended(row, what, perform(reason=given["reason"], actor=actor)),
            back=self.url(row),
        )

    def _ended(self, row: Model, what: str, acted: Acted) -> Done:
        if acted.waits:
            return Done(f"A second person has to do it now: {what}", [], self.url(row))
        return self.done(acted, f"Done: {what}", None)

    def done(self, acted: Acted, said: str, row: Model | None) -> Done:
        return Done(said if acted.change_id else f"{said}; it was so already", [acted.change_id],
                    self.url(row) if row is not None else self.list_url)  # fmt: skip

    @admin.display(description="reason")
    def shown_reason(self, row: Held) -> str:
        return shortened(row.reason, 120)


@admin.register(RevokedPrincipal)
class RevokedPrincipalAdmin(HeldAdmin):
    """Every token of it is refused."""

    acts = ("restore",)
    list_display = ("subject", "issuer", "shown_reason", "actor", "revoked_at")
    search_fields = ("subject", "actor", "reason")
    ordering = ("-revoked_at", "-id")

    def said(self, obj: RevokedPrincipal) -> dict[str, Any]:
        rows = [("Subject", obj.subject), ("Issuer", obj.issuer)]
        return {"title": f"{obj.subject} is revoked", "rows": rows, "end": "Restore"}

    def add_act(self, request: HttpRequest) -> Act:
        return Act(
            title="Revoke a principal",
            button="Revoke",
            tone="danger",
            right=Right.RAISE_KILL,
            form=RevokePrincipalForm,
            initial=_given(request, "subject", "issuer"),
            effect=("Every token of it is refused, those of later too, until it is restored", ALL_SERVERS),
            perform=lambda given: self._revoke(request, given),
            back=self.list_url,
        )

    def _revoke(self, request: HttpRequest, given: dict[str, Any]) -> Done:
        acted = revoke_principal(**given, actor=actor_of_request(request))
        row = RevokedPrincipal.objects.filter(subject=given["subject"], issuer=given["issuer"]).first()
        return self.done(acted, f"Revoked {shortened(given['subject'], 80)}", row)

    def act_restore(self, request: HttpRequest, row: RevokedPrincipal) -> Act:
        effect = (
            "Its tokens are accepted again, but those that were revoked one by one or have ended",
            *effect_lines(f"principal:{row.subject}"),
        )
        perform = partial(restore_by_two, subject=row.subject, issuer=row.issuer)
        return self.ending(request, row, f"Restore {shortened(row.subject, 80)}", "Restore", effect, perform)


@admin.register(RevokedToken)
class RevokedTokenAdmin(HeldAdmin):
    """For good: a token can be issued anew."""

    list_display = ("jti", "expires_at", "shown_reason", "actor", "revoked_at")
    search_fields = ("jti", "actor", "reason")
    ordering = ("-revoked_at", "-id")

    def said(self, obj: RevokedToken) -> dict[str, Any]:
        rows = [("Token id", obj.jti), ("Ends by itself", f"{obj.expires_at:%Y-%m-%d %H:%M:%S} UTC")]
        return {"title": f"Token {obj.jti} is revoked", "rows": rows, "end": ""}

    def add_act(self, request: HttpRequest) -> Act:
        return Act(
            title="Revoke a token",
            button="Revoke",
            tone="danger",
            right=Right.RAISE_KILL,
            form=RevokeTokenForm,
            initial=_given(request, "jti", "expires_at"),
            effect=(
                "It is refused everywhere and for good: this can’t be undone, a new one can be issued",
                ALL_SERVERS,
            ),
            perform=lambda given: self._revoke(request, given),
            back=self.list_url,
        )

    def _revoke(self, request: HttpRequest, given: dict[str, Any]) -> Done:
        acted = revoke_token(**given, actor=actor_of_request(request))
        row = RevokedToken.objects.filter(jti=given["jti"]).first()
        return self.done(acted, f"Revoked the token {given['jti']}", row)


@admin.register(Quarantine)
class QuarantineAdmin(HeldAdmin):
    """Held apart, while somebody looks."""

    acts = ("end",)
    when = "started_at"
    list_display = ("shown_target", "shown_reason", "actor", "started_at")
    search_fields = ("target", "actor", "reason")
    ordering = ("-started_at", "-id")

    def said(self, obj: Quarantine) -> dict[str, Any]:
        return {"title": f"{obj.target} is quarantined", "rows": [("Target", obj.target)], "end": "End the quarantine"}

    @admin.display(description="target", ordering="target")
    def shown_target(self, row: Quarantine) -> str:
        return shortened(row.target, 120)

    def add_act(self, request: HttpRequest) -> Act:
        return Act(
            title="Quarantine a principal or a session",
            button="Quarantine",
            tone="danger",
            right=Right.RAISE_KILL,
            form=QuarantineForm,
            initial=_given(request, "target"),
            effect=("It stays signed in and is refused every call, until the quarantine ends", ALL_SERVERS),
            perform=lambda given: self._begin(request, given),
            back=self.list_url,
        )

    def _begin(self, request: HttpRequest, given: dict[str, Any]) -> Done:
        acted = quarantine(**given, actor=actor_of_request(request))
        row = Quarantine.objects.filter(target=given["target"]).first()
        return self.done(acted, f"Quarantined {shortened(given['target'], 80)}", row)

    def act_end(self, request: HttpRequest, row: Quarantine) -> Act:
        effect = ("This is let through again, as far as grants allow it:", *effect_lines(row.target))
        what = f"End the quarantine of {shortened(row.target, 80)}"
        return self.ending(request, row, what, "End it", effect, partial(end_quarantine_by_two, target=row.target))


@admin.register(EgressBlock)
class EgressBlockAdmin(HeldAdmin):
    """A server that may reach nothing."""

    acts = ("end",)
    when = "started_at"
    list_display = ("server", "shown_reason", "actor", "started_at")
    list_select_related = ("server",)
    search_fields = ("server__id", "actor", "reason")
    ordering = ("-started_at", "-id")

    def said(self, obj: EgressBlock) -> dict[str, Any]:
        title = f"The egress of {obj.server_id} is blocked"
        return {"title": title, "rows": [("Server", obj.server_id)], "end": "End the block"}

    def add_act(self, request: HttpRequest) -> Act:
        return Act(
            title="Block the egress of a server",
            button="Block",
            tone="danger",
            right=Right.RAISE_KILL,
            form=EgressForm,
            initial=_given(request, "server"),
            effect=(
                "No call with a URL argument passes, whatever its host: declared, or found by name and schema",
                "A server that its gate launches is started anew without a network; what it does just now is cut off",
                "A server that runs elsewhere keeps its own network: raise a kill switch where that is not enough",
            ),
            perform=lambda given: self._block(request, given["server"], given["reason"]),
            back=self.list_url,
        )

    def _block(self, request: HttpRequest, server: str, reason: str) -> Done:
        acted = block_egress(server=server, reason=reason, actor=actor_of_request(request))
        row = EgressBlock.objects.filter(server_id=server).first()
        return self.done(acted, f"Blocked the egress of {server}", row)

    def act_end(self, request: HttpRequest, row: EgressBlock) -> Act:
        effect = ("Calls may name hosts of its egress list again, and its sandbox is what the policy says",)
        what = f"End the egress block of {row.server_id}"
        perform = partial(end_egress_block_by_two, server=row.server_id)
        return self.ending(request, row, what, "End it", effect, perform)
