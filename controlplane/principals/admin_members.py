"""The page that puts a principal into a group: an edit of the principal, which is where the file says it too."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.admin.widgets import AutocompleteSelect
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Right
from controlplane.common.acts import Act, BecauseForm, Done, act_page
from controlplane.common.errors import InvalidState
from controlplane.common.unseen import shortened
from controlplane.grants.models import Grant
from controlplane.policy import edits
from controlplane.policy.declarative.items import item_of
from controlplane.policy.declarative.problems import key_of
from controlplane.principals.models import Group, Principal
from controlplane.principals.specs import PrincipalSpec


class MemberForm(BecauseForm):
    """Whom."""

    principal = forms.ModelChoiceField(
        queryset=Principal.objects.all(),
        widget=AutocompleteSelect(Grant._meta.get_field("principal"), admin.site),
        help_text="Every grant of the group reaches it then.",
    )
    field_order = ("principal", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False
        self.fields["reason"].widget.attrs.pop("autofocus", None)


def member_page(request: HttpRequest, model_admin: ModelAdmin[Any], pk: int) -> HttpResponse:
    """Ask; on POST add."""
    group = get_object_or_404(Group, pk=pk)
    count = group.grants.count()
    act = Act(
        title=f"Add somebody to {group.name}",
        button="Add",
        right=Right.EDIT_POLICY,
        perform=partial(_add, request, group),
        back=reverse("admin:principals_group_change", args=[pk]),
        form=MemberForm,
        effect=(f"{count} grant{'s' * (count != 1)} of the group will reach whoever is added.",),
    )
    return act_page(request, model_admin, act)


def _add(request: HttpRequest, group: Group, given: dict[str, Any]) -> Done:
    row: Principal = given["principal"]
    groups = sorted({*row.groups.values_list("name", flat=True), group.name})
    spec = PrincipalSpec(subject=row.subject, issuer=row.issuer, actor_type=row.actor_type, groups=groups)
    actor, reason = actor_of_request(request), given["reason"]
    applied = edits.save(section="principals", item=item_of(spec), actor=actor, reason=reason)
    for problem in applied.problems:
        raise InvalidState("principal", f"{key_of(problem.path)}: {problem.what}; {problem.right}")
    said = f"Added {row}" if applied.changes else f"{row} was in it already"
    return Done(shortened(said, 200), applied.change_ids)
