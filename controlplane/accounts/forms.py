"""Forms of people and their tokens."""

from typing import Any

from django import forms

from controlplane.accounts.models import LABELS
from controlplane.accounts.roles import ROLES
from controlplane.accounts.services import LONGEST_DAYS
from controlplane.common.actor import Actor, Right


def _role_choices() -> list[tuple[str, str]]:
    return [(name, f"{name}: {', '.join(LABELS[right] for right in sorted(rights))}") for name, rights in ROLES.items()]


class RolesField(forms.MultipleChoiceField):
    """Each role with what it may."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            choices=_role_choices, widget=forms.CheckboxSelectMultiple({"class": "choices"}), required=False,
            help_text="Without a role somebody can sign in and see nothing.", **options,
        )  # fmt: skip


class NewUserForm(forms.Form):
    """Who comes."""

    username = forms.CharField(
        max_length=150, widget=forms.TextInput({"autofocus": True, "autocomplete": "off", "class": "vTextField"}),
        help_text="Letters, digits and @ . + - _; it is the name in history and receipts, and stays.",
    )  # fmt: skip
    email = forms.EmailField(
        required=False, label="E-mail", widget=forms.EmailInput({"class": "vTextField"}),
        help_text="For other people to read; nothing is sent.",
    )  # fmt: skip
    roles = RolesField()


class UserForm(forms.Form):
    """What may change."""

    email = forms.EmailField(
        required=False, label="E-mail", widget=forms.EmailInput({"class": "vTextField"}),
        help_text="For other people to read; nothing is sent.",
    )  # fmt: skip
    roles = RolesField()
    active = forms.BooleanField(required=False, help_text="Off: every session ends, and no sign-in works.")


class NewTokenForm(forms.Form):
    """What a program may, and for how long."""

    name = forms.CharField(
        max_length=100, widget=forms.TextInput({"autofocus": True, "autocomplete": "off", "class": "vTextField"}),
        help_text="What it is for; acts by it stand in receipts as token:NAME.",
    )  # fmt: skip
    scopes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple({"class": "choices"}), help_text="No more than you may yourself."
    )  # fmt: skip
    days = forms.IntegerField(
        min_value=1, max_value=LONGEST_DAYS, initial=90, help_text=f"It ends by itself, after {LONGEST_DAYS} at most."
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(right.value, f"{right.value}: {LABELS[right]}") for right in Right if actor.may(right)]


class NoReasonForm(forms.Form):
    """For acts that explain themselves."""
