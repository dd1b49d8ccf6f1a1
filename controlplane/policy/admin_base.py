"""Admin pages of objects of the policy: a form becomes an item, and `controlplane.policy.edits` does the rest.

Whoever may only propose gets the same form; saving opens a proposal.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Actor, Right
from controlplane.common.admin import BaseAdmin, tell_of_changes
from controlplane.common.errors import DomainError
from controlplane.policy import edits
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.declarative.problems import Problem, key_of
from controlplane.policy.proposals import propose
from enforcer.contract.strict_json import JsonObject

M = TypeVar("M", bound=Model)
SHOWN = 12


class ItemForm(forms.ModelForm[Any]):
    """Fields are named as the keys of the item; `why` is the reason that history and receipt keep."""

    section: ClassVar[str]
    actor: Actor
    applied: Applied = Applied()
    why = forms.CharField(
        label="Reason for this edit", required=False, max_length=2000, widget=forms.Textarea({"rows": 2}),
        help_text="Kept in history and receipt, with your name.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            for part, word in zip(getattr(field.widget, "widgets", ()), ("date", "time"), strict=False):
                part.attrs["aria-label"] = f"{field.label or name}, {word}"

    def item(self) -> JsonObject:
        """What the cleaned fields say, as it would stand in a policy file; keys without a value left out."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        """In place of the model's own checks: those of the policy file."""
        if self.errors:
            return
        try:
            self.applied = edits.save(section=self.section, item=self.item(), actor=self.actor, dry_run=True)
        except DomainError as refused:
            self.add_error(None, refused.message)
        for problem in self.applied.problems:
            self._add_problem(problem)

    def _add_problem(self, problem: Problem) -> None:
        """At the field of the first step of its path, else above the form."""
        name = str(problem.path[0]) if problem.path else ""
        place = f"{key_of(problem.path[1:])}: " if len(problem.path) > 1 else ""
        if name in self.fields:
            self.add_error(name, f"{place}{problem.what}; {problem.right}")
        else:
            self.add_error(None, f"{key_of(problem.path)}: {problem.what}; {problem.right}" if problem.path else
                           f"{problem.what}; {problem.right}")  # fmt: skip

    def save(self, commit: bool = True) -> Any:
        """Nothing yet: `PolicyAdmin.save_model` writes."""
        self.save_m2m = lambda: None  # type: ignore[method-assign]
        return self.instance


class PolicyAdmin(BaseAdmin[M]):
    """`section` is the part of the policy file; a subclass says which item names a row, and how to find its row."""

    section: ClassVar[str]
    edit_right: ClassVar[Right] = Right.EDIT_POLICY
    form: type[ItemForm]

    def key_item(self, obj: M) -> JsonObject:
        """The keys that name the object, for removing it."""
        raise NotImplementedError

    def row_of(self, item: JsonObject, applied: Applied) -> M:
        """The row that was written."""
        raise NotImplementedError

    def _may_edit(self, request: HttpRequest) -> bool:
        actor = actor_of_request(request)
        return actor.may(self.edit_right) or (self.edit_right == Right.EDIT_POLICY and actor.may(Right.PROPOSE))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may_edit(request) and self.section not in edits.STAYS

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return self._may_edit(request)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return self._may_edit(request) and self.section not in edits.STAYS

    def get_form(self, request: HttpRequest, obj: M | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Knows who edits."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"actor": actor_of_request(request), "section": self.section})

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        """Through the service; `obj` becomes the row, so that Django's log and redirect find it."""
        actor, item, reason = actor_of_request(request), form.item(), form.cleaned_data["why"]
        if not actor.may(self.edit_right):
            row = propose(section=self.section, item=item, actor=actor, reason=reason)
            request.proposed = row  # type: ignore[attr-defined]
            return
        applied = edits.save(section=self.section, item=item, actor=actor, reason=reason)
        request.applied = applied  # type: ignore[attr-defined]
        if not applied.problems:
            obj.pk = self.row_of(item, applied).pk

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        actor, item = actor_of_request(request), self.key_item(obj)
        reason = str(request.POST.get("why", ""))[:2000]
        if not actor.may(self.edit_right):
            request.proposed = propose(section=self.section, item=item, removal=True, actor=actor, reason=reason)  # type: ignore[attr-defined]
            return
        request.applied = edits.remove(section=self.section, item=item, actor=actor, reason=reason)  # type: ignore[attr-defined]

    def get_deleted_objects(self, objs: Sequence[M] | QuerySet[M], request: HttpRequest) -> Any:
        """What would go, in the words of the diff, instead of Django's guess by foreign keys."""
        lines: list[str] = []
        protected: list[str] = []
        for obj in objs:
            try:
                would = edits.remove(
                    section=self.section, item=self.key_item(obj), actor=actor_of_request(request), dry_run=True
                )
                lines += [change.line() for change in would.changes]
            except DomainError as refused:
                protected.append(f"{obj}: {refused.message}")
        return lines, {}, set(), protected

    def log_addition(self, request: HttpRequest, obj: M, message: Any) -> Any:
        """History and receipts say it better than Django's log, and a proposal has no row to speak of."""

    def log_change(self, request: HttpRequest, obj: M, message: Any) -> Any:
        """As above."""

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[M]) -> Any:
        """As above."""

    def response_add(self, request: HttpRequest, obj: M, post_url_continue: str | None = None) -> HttpResponse:
        return self._answer(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: M) -> HttpResponse:
        return self._answer(request, obj) or super().response_change(request, obj)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        return self._answer(request, None) or super().response_delete(request, obj_display, obj_id)

    def _answer(self, request: HttpRequest, obj: M | None) -> HttpResponse | None:
        """Say what was saved, warn, and stay where the person works."""
        proposed = getattr(request, "proposed", None)
        if proposed is not None:
            messages.info(request, f"Proposal {proposed.pk} waits for a policy owner to approve it.")
            return HttpResponseRedirect(reverse("admin:policy_proposal_change", args=[proposed.pk]))
        applied: Applied = getattr(request, "applied", Applied())
        for problem in applied.problems:  # somebody changed something since the form was checked
            messages.error(request, f"Not saved: {problem.what}; {problem.right}")
        for warning in applied.warnings[:SHOWN]:
            messages.warning(request, f"{warning.what}; {warning.right}")
        if not applied.problems:
            lines = [change.line() for change in applied.changes]
            said = "; ".join((*lines[:SHOWN], *applied.access[:SHOWN])) if lines else "Nothing changed."
            tell_of_changes(request, applied.change_ids, said)
        here = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if obj is None or obj.pk is None:
            return HttpResponseRedirect(reverse(f"{here}_changelist"))
        if "_addanother" in request.POST:
            return HttpResponseRedirect(reverse(f"{here}_add"))
        return HttpResponseRedirect(reverse(f"{here}_change", args=[obj.pk]))
