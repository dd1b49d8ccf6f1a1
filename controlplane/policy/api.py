"""Proposals, what became of changes, and the documents that were published, over the API."""

import re
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.bodies import reading
from controlplane.api.filters import Absent, Equal, Filters, OneOf
from controlplane.api.idempotency import idempotent
from controlplane.api.problems import refused_body
from controlplane.api.saved import ProposalRow, Proposed, Saved, proposed, saved
from controlplane.api.views import DetailView, NewestFirst, created
from controlplane.common.actor import Right
from controlplane.fleet.publication import publication
from controlplane.policy import api_shapes as shapes
from controlplane.policy import edits, proposals
from controlplane.policy.declarative.problems import Problem
from controlplane.policy.history.access import access_between
from controlplane.policy.models import Change, Kind, Proposal, SignedDocument
from enforcer.contract.strict_json import JsonObject

ROW_ID = re.compile("[0-9]{1,18}")


class ProposalFilter(Filters):
    """Which proposals."""

    section = OneOf("section", shapes.PROPOSED)
    open = Absent("decided_at", "whether it waits")
    proposed_by = Equal("proposed_by", longest=255)


class Proposals(NewestFirst[Proposal]):
    """Proposals, the newest first"""

    rights = {"GET": Right.VIEW, "POST": Right.PROPOSE}
    queryset = Proposal.objects.all()
    serializer_class = ProposalRow
    filterset_class = ProposalFilter

    @extend_schema(request=shapes.ProposeBody, responses={201: Proposed})
    @idempotent
    def post(self, request: Request) -> Response:
        """Propose an edit for somebody else to approve"""
        with reading(request) as body:
            section = body.choice("section", shapes.PROPOSED)
            item: JsonObject = body.mapping("item") or {}
            removal = body.flag("removal")
            reason = body.text("reason", default="", longest=shapes.LONGEST_NOTE, free=True)
            if "item" not in body:
                body.wrong("item", "is missing", "the item as it would stand in a policy file")
        if not removal:
            planned = edits.save(section=section, item=item, actor=self.actor, dry_run=True)
            if planned.problems:
                raise refused_body([Problem(("item", *p.path), p.what, p.right) for p in planned.problems])
        row = proposals.propose(section=section, item=item, removal=removal, actor=self.actor, reason=reason)
        return created(proposed(row), f"{request.path}/{row.pk}")


class ProposalDetail(DetailView[Proposal]):
    """One proposal"""

    queryset = Proposal.objects.all()
    serializer_class = ProposalRow


class ApproveProposal(DetailView[Proposal]):
    """Approving makes the edit."""

    rights = {"POST": Right.EDIT_POLICY}
    fresh = ("POST",)
    queryset = Proposal.objects.all()
    serializer_class = ProposalRow

    @extend_schema(request=shapes.NoteBody, responses={200: Saved})
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """Approve a proposal: the edit is made as your own"""
        note = _note(request)
        self.get_object()
        applied = proposals.approve(proposal_id=pk, actor=self.actor, note=note)
        if applied.problems:
            raise refused_body(applied.problems)
        return Response(saved(applied))


class RejectProposal(DetailView[Proposal]):
    """By an owner, or by whoever proposed it."""

    rights = {"POST": (Right.EDIT_POLICY, Right.PROPOSE)}
    queryset = Proposal.objects.all()
    serializer_class = ProposalRow

    @extend_schema(request=shapes.NoteBody, responses={200: Proposed})
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """Reject a proposal, or take back your own"""
        note = _note(request)
        self.get_object()
        proposals.reject(proposal_id=pk, actor=self.actor, note=note)
        return Response(proposed(self.get_object()))


class ChangeFilter(Filters):
    """Which changes."""

    kind = OneOf("kind", Kind.values)
    actor = Equal("actor", longest=255)
    server = Equal("parts__server_id", "whose documents change", longest=63)


class Changes(NewestFirst[Change]):
    """Changes, the newest first"""

    queryset = Change.objects.all()
    serializer_class = shapes.ChangeRow
    filterset_class = ChangeFilter


class ChangeDetail(DetailView[Change]):
    """What became of a change: saved → published → applied, each enforcer in its own words"""

    queryset = Change.objects.all()
    serializer_class = shapes.ChangeDetailRow

    def get_object(self) -> Any:
        """The row, and what is known of it now."""
        row: Any = super().get_object()
        row.publication = publication([row.pk])
        return row


class DocumentFilter(Filters):
    """Which documents."""

    kind = OneOf("kind", Kind.values)
    server = Equal("server_id", longest=63)


class Documents(NewestFirst[SignedDocument]):
    """Published snapshots and incident states, the newest first"""

    queryset = SignedDocument.objects.defer("envelope")
    serializer_class = shapes.DocumentRow
    filterset_class = DocumentFilter


class DocumentDetail(DetailView[SignedDocument]):
    """One document with its envelope, as it was published"""

    queryset = SignedDocument.objects.all()
    serializer_class = shapes.DocumentDetailRow


class DocumentAccess(DetailView[SignedDocument]):
    """Who can newly call what by a snapshot, and who no longer can, since the one before or the one of id `since`"""

    query = {"GET": ("since",)}
    queryset = SignedDocument.objects.filter(kind=Kind.POLICY)
    serializer_class = shapes.AccessBetween

    def get_object(self) -> Any:
        """In the shape that is shown."""
        new = super().get_object()
        since = self.request.query_params.get("since")
        siblings = self.get_queryset().filter(server=new.server_id, number__lt=new.number)
        if since is None:
            old = siblings.filter(number=new.number - 1).first()
        else:
            old = get_object_or_404(siblings, pk=since) if ROW_ID.fullmatch(since) else None
            if old is None:
                raise Http404
        return shapes.access_between_of(old, new, access_between(old, new, timezone.now()))


def _note(request: Request) -> str:
    with reading(request) as body:
        return body.text("note", default="", longest=shapes.LONGEST_NOTE, free=True)
