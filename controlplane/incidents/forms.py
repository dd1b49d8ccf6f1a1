"""Forms of switches, revocations and quarantines: what is no target is told in the contract's own words."""

from typing import Any

from django import forms
from django.urls import reverse

from controlplane.common.acts import BecauseForm
from controlplane.incidents.services import LONGEST_MESSAGE, LONGEST_TARGET, LONGEST_TOKEN_ID
from controlplane.principals.models import OWN_ISSUER
from enforcer.contract.targets import parse_target

GRAMMAR = (
    "all, server:ID, tool:SERVER/NAME (* stands for any text), risk:LEVEL, trust:LEVEL, principal:SUBJECT, group:NAME, "
    "session:ID, credential:SERVER or enforcer:ID"
)
WRITTEN = {"autocomplete": "off", "spellcheck": "false", "class": "vTextField mono"}


class TargetField(forms.CharField):
    """`all`, or a kind and a name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": LONGEST_TARGET, "widget": forms.TextInput(WRITTEN), **options})

    def clean(self, value: Any) -> str:
        target = str(super().clean(value))
        parsed = parse_target(target)
        if isinstance(parsed, str):
            raise forms.ValidationError(parsed)
        return target


class RaiseForm(forms.Form):
    """What to stop, why, and what its callers are told."""

    target = TargetField(help_text=f"Write {GRAMMAR}.")
    reason = forms.CharField(
        max_length=2000, widget=forms.Textarea({"rows": 2}),
        help_text="Kept in history and receipt, with your name; callers don’t see it.",
    )  # fmt: skip
    message = forms.CharField(
        required=False, max_length=LONGEST_MESSAGE, widget=forms.TextInput({"class": "vTextField"}),
        label="Message to callers", help_text="They read it when they are refused. Empty: the usual sentence.",
    )  # fmt: skip

    expires_at = forms.DateTimeField(
        required=False, label="Lowers itself", widget=forms.DateTimeInput({"placeholder": "2026-01-31 12:00"}),
        help_text="UTC. Empty: it stays raised until it is lowered.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asking = {"hx-get": reverse("admin:incidents_killswitch_effect"), "hx-target": "#effect"}
        self.fields["target"].widget.attrs |= {
            **asking, "hx-trigger": "input changed delay:300ms", "autofocus": True, "list": "targets",
        }  # fmt: skip


class PlanForm(RaiseForm):
    """And when."""

    starts_at = forms.DateTimeField(
        label="Raise at", widget=forms.DateTimeInput({"placeholder": "2026-01-31 22:00"}), help_text="UTC."
    )
    field_order = ("target", "starts_at", "expires_at", "reason", "message")


class TypedForm(BecauseForm):
    """For what concerns everything: a click alone is not enough."""

    typed = forms.CharField(label="Type all", max_length=8, help_text="This gives everything back at once.")

    def clean_typed(self) -> str:
        if self.cleaned_data["typed"].strip() != "all":
            raise forms.ValidationError("is not the target; type all")
        return "all"


class RevokePrincipalForm(BecauseForm):
    """A principal is issuer and subject."""

    subject = forms.CharField(max_length=255, widget=forms.TextInput(WRITTEN), help_text="As its tokens name it.")
    issuer = forms.CharField(
        max_length=512, initial=OWN_ISSUER, widget=forms.TextInput(WRITTEN),
        help_text="Whose tokens it brings; drawbridge for those issued here.",
    )  # fmt: skip
    field_order = ("subject", "issuer", "reason")


class RevokeTokenForm(BecauseForm):
    """A token is known by its id, the claim jti."""

    jti = forms.CharField(
        label="Token id (jti)", max_length=LONGEST_TOKEN_ID, widget=forms.TextInput(WRITTEN),
        help_text="Of a token issued here, or of any other that carries one.",
    )  # fmt: skip
    expires_at = forms.DateTimeField(
        required=False, label="Ends", widget=forms.DateTimeInput({"placeholder": "2026-01-31 12:00"}),
        help_text="Only for a token that another issuer made: when it ends by itself, UTC.",
    )  # fmt: skip
    field_order = ("jti", "expires_at", "reason")


class QuarantineForm(BecauseForm):
    """A principal or a session."""

    target = TargetField(help_text="Write principal:SUBJECT or session:ID.")
    field_order = ("target", "reason")


class EgressForm(BecauseForm):
    """A server."""

    server = forms.CharField(max_length=63, widget=forms.TextInput(WRITTEN), help_text="Its id.")
    field_order = ("server", "reason")
