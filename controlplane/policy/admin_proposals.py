"""Proposals: what somebody would change and why, approved or rejected by somebody else."""

import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from controlplane.accounts.identity import actor_of_request
from controlplane.common.actor import Actor, Right
from controlplane.common.acts import Act, Done
from controlplane.common.admin import badge
from controlplane.common.admin_detail import DetailAdmin
from controlplane.common.errors import DomainError
from controlplane.common.unseen import shortened
from controlplane.policy import edits
from controlplane.policy.declarative.outcome import Applied
from controlplane.policy.declarative.problems import Problem, key_of
from controlplane.policy.models import Proposal
from controlplane.policy.proposals import approve, reject

LONGEST_ITEM = 20_000
SHOWN = 12


class NoteForm(forms.Form):
    """A word to whoever proposed it."""

    note = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea({"rows": 2, "autofocus": True}),
        help_text="Kept with the proposal and in the receipt, with your name.",
    )  # fmt: skip


class OpenFilter(admin.SimpleListFilter):
    """Whether it waits."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "open"), ("approved", "approved"), ("rejected", "rejected")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Proposal]) -> QuerySet[Proposal]:
        match self.value():
            case "open":
                return queryset.filter(decided_at__isnull=True)
            case "approved" | "rejected" as word:
                return queryset.filter(approved=word == "approved")
        return queryset


@admin.register(Proposal)
class ProposalAdmin(DetailAdmin[Proposal]):
    """Open ones first."""

    empty = "Nobody has proposed anything. A policy author proposes by saving an object’s form; an owner decides here."
    detail_template = "admin/policy/proposal/detail.html"
    acts = ("approve", "reject", "withdraw")
    list_display = ("state", "shown_summary", "shown_reason", "proposed_by", "proposed_at", "shown_decided")
    list_display_links = ("state", "shown_summary")
    list_filter = (OpenFilter, "section")
    search_fields = ("summary", "reason", "proposed_by", "decided_by")
    ordering = (F("decided_at").desc(nulls_first=True), "-id")
    sortable_by = ("proposed_at",)

    def facts(self, request: HttpRequest, obj: Proposal) -> dict[str, Any]:
        actor = actor_of_request(request)
        is_open, mine = obj.decided_at is None, obj.proposed_by == actor.name
        text = json.dumps(obj.item, indent=2, ensure_ascii=False)
        decides = is_open and not mine and actor.may(Right.EDIT_POLICY)
        return {
            "title": f"Proposal {obj.pk}",
            "summary": obj.summary.splitlines(),
            "item": shortened(text, LONGEST_ITEM),
            "planned": _planned(obj, actor) if is_open else None,
            "approve_url": self.url(obj, "approve") if decides else "",
            "reject_url": self.url(obj, "reject") if decides else "",
            "withdraw_url": self.url(obj, "withdraw") if is_open and mine else "",
            "mine": mine,
        }

    def act_approve(self, request: HttpRequest, proposal: Proposal) -> Act:
        planned = _planned(proposal, actor_of_request(request))
        return Act(
            title=f"Approve proposal {proposal.pk}",
            button="Approve",
            right=Right.EDIT_POLICY,
            slow=True,
            form=NoteForm,
            effect=[*planned.lines, "It is made at once, as your own edit"] if planned.lines else planned.problems,
            perform=lambda given: self._approve(request, proposal, given["note"]),
            back=self.url(proposal),
        )

    def _approve(self, request: HttpRequest, proposal: Proposal, note: str) -> Done:
        applied = approve(proposal_id=proposal.pk, actor=actor_of_request(request), note=note)
        if applied.problems:
            raise forms.ValidationError(list(_sentences(applied.problems)))
        return Done(f"Approved: {shortened(proposal.summary, 300)}", applied.change_ids, self.url(proposal))

    def act_reject(self, request: HttpRequest, proposal: Proposal) -> Act:
        return self._closing(request, proposal, "Reject", Right.EDIT_POLICY)

    def act_withdraw(self, request: HttpRequest, proposal: Proposal) -> Act:
        return self._closing(request, proposal, "Withdraw", Right.PROPOSE)

    def _closing(self, request: HttpRequest, proposal: Proposal, word: str, right: Right) -> Act:
        return Act(
            title=f"{word} proposal {proposal.pk}",
            button=word,
            right=right,
            form=NoteForm,
            effect=("Nothing is changed; it stays to be read, and can be proposed again",),
            perform=lambda given: self._close(request, proposal, given["note"]),
            back=self.url(proposal),
        )

    def _close(self, request: HttpRequest, proposal: Proposal, note: str) -> Done:
        reject(proposal_id=proposal.pk, actor=actor_of_request(request), note=note)
        return Done(f"Closed: {shortened(proposal.summary, 300)}", url=self.url(proposal))

    @admin.display(description="state")
    def state(self, proposal: Proposal) -> str:
        if proposal.decided_at is None:
            return badge("open", "person")
        return badge("approved", "good") if proposal.approved else badge("rejected", "quiet")

    @admin.display(description="what")
    def shown_summary(self, proposal: Proposal) -> str:
        return shortened(proposal.summary, 160)

    @admin.display(description="why")
    def shown_reason(self, proposal: Proposal) -> str:
        return shortened(proposal.reason, 120) or "—"

    @admin.display(description="decided")
    def shown_decided(self, proposal: Proposal) -> str:
        return f"{proposal.decided_at:%Y-%m-%d %H:%M} by {proposal.decided_by}" if proposal.decided_at else ""


class _Planned:
    """What approving it now would do."""

    def __init__(self, applied: Applied, refused: str = "") -> None:
        self.lines = [shortened(change.line(), 300) for change in applied.changes[:SHOWN]]
        self.problems = [refused] if refused else list(_sentences(applied.problems[:SHOWN]))
        if not self.lines and not self.problems:
            self.problems = ["that is how it is already"]
        self.warnings = list(_sentences(applied.warnings[:SHOWN]))


def _planned(proposal: Proposal, actor: Actor) -> _Planned:
    act = edits.remove if proposal.removal else edits.save
    try:
        return _Planned(act(section=proposal.section, item=proposal.item, actor=actor, dry_run=True))
    except DomainError as refused:
        return _Planned(Applied(), refused.message)


def _sentences(problems: tuple[Problem, ...]) -> Iterator[str]:
    for problem in problems:
        place = f"{key_of(problem.path)}: " if problem.path else ""
        yield shortened(f"{place}{problem.what}; {problem.right}", 500)
