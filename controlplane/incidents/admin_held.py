"""Revoked principals, revoked tokens and quarantines: adding one acts, and what can end is ended with a reason."""

from typing import Any

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
from controlplane.incidents.forms import QuarantineForm, RevokePrincipalForm, RevokeTokenForm
from controlplane.incidents.models import Quarantine, RevokedPrincipal, RevokedToken
from controlplane.incidents.services import (
    Acted,
    end_quarantine,
    quarantine,
    restore_principal,
    revoke_principal,
    revoke_token,
)

ALL_SERVERS = "Every server’s enforcers are told; the page shows which have confirmed it"


def _given(request: HttpRequest, *names: str) -> dict[str, Any]:
    """What a link from another page filled in."""
    return {name: request.GET[name][:512] for name in names if request.GET.get(name)}


def _reason(row: RevokedPrincipal | RevokedToken | Quarantine) -> str:
    return shortened(row.reason, 120)


class HeldAdmin(DetailAdmin[Any]):
    """`noun` and `when` are for the page of one row."""

    detail_template = "admin/incidents/held.html"
    add_right = Right.RAISE_KILL
    when = "revoked_at"

    def facts(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        at = getattr(obj, self.when)
        may_end = bool(self.acts) and actor_of_request(request).may(Right.LOWER_KILL)
        end_url = self.url(obj, self.acts[0]) if may_end else ""
        return {"at": at, "followed": change_of(obj.actor, at), "end_url": end_url, **self.said(obj)}

    def said(self, obj: Any) -> dict[str, Any]:
        """`rows` are label and text of the table, `end` is what the button says."""
        raise NotImplementedError

    def done(self, acted: Acted, said: str, row: Model | None) -> Done:
        return Done(said if acted.change_id else f"{said}; it was so already", [acted.change_id],
                    self.url(row) if row is not None else self.list_url)  # fmt: skip

    @admin.display(description="reason")
    def shown_reason(self, row: RevokedPrincipal | RevokedToken | Quarantine) -> str:
        return _reason(row)


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
        return Act(
            title=f"Restore {row.subject}",
            button="Restore",
            right=Right.LOWER_KILL,
            slow=True,
            effect=(
                "Its tokens are accepted again, but those that were revoked one by one or have ended",
                *effect_lines(f"principal:{row.subject}"),
            ),
            perform=lambda given: self._restore(request, row, given["reason"]),
            back=self.url(row),
        )

    def _restore(self, request: HttpRequest, row: RevokedPrincipal, reason: str) -> Done:
        acted = restore_principal(
            subject=row.subject, issuer=row.issuer, reason=reason, actor=actor_of_request(request)
        )
        return self.done(acted, f"Restored {shortened(row.subject, 80)}", None)


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
        return Act(
            title=f"End the quarantine of {row.target}",
            button="End it",
            right=Right.LOWER_KILL,
            slow=True,
            effect=("This is let through again, as far as grants allow it:", *effect_lines(row.target)),
            perform=lambda given: self._end(request, row, given["reason"]),
            back=self.url(row),
        )

    def _end(self, request: HttpRequest, row: Quarantine, reason: str) -> Done:
        acted = end_quarantine(target=row.target, reason=reason, actor=actor_of_request(request))
        return self.done(acted, f"Ended the quarantine of {shortened(row.target, 80)}", None)
