"""The outbox and what the publisher made of it. Only the publisher writes documents and leases.

A change is written in the transaction of whatever it tells of; version order is the order in which the publisher,
holding the row of the server, commits.
"""

import uuid

from django.db import models

from controlplane.inventory.models import Server


class Kind(models.TextChoices):
    """What a change makes the publisher compile."""

    POLICY = "policy"
    INCIDENT = "incident"


class Change(models.Model):
    """One edit by one actor; its servers stand in `parts`."""

    kind = models.CharField(max_length=16, choices=Kind)
    actor = models.CharField(max_length=255)
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="change_kind", condition=models.Q(kind__in=Kind.values)),
            models.CheckConstraint(name="change_actor", condition=~models.Q(actor="")),
        ]

    def __str__(self) -> str:
        return f"change {self.pk}"


class SignedDocument(models.Model):
    """A version of a server's snapshot (kind `policy`) or incident state (kind `incident`), exactly as published."""

    kind = models.CharField(max_length=16, choices=Kind)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="documents")
    number = models.PositiveBigIntegerField()
    generation = models.PositiveIntegerField()
    envelope = models.TextField()
    payload_hash = models.CharField(max_length=71)
    published_at = models.DateTimeField(auto_now_add=True)
    renew_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="document_once", fields=["kind", "server", "number"]),
            models.CheckConstraint(name="document_kind", condition=models.Q(kind__in=Kind.values)),
            models.CheckConstraint(name="document_number", condition=models.Q(number__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.server_id} {self.number}"


class ChangedServer(models.Model):
    """The outbox: a row without document and without error waits for the publisher."""

    change = models.ForeignKey(Change, on_delete=models.CASCADE, related_name="parts")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="+")
    document = models.ForeignKey(SignedDocument, on_delete=models.PROTECT, null=True, related_name="parts")
    error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="changed_server_once", fields=["change", "server"])]
        indexes = [
            models.Index(name="outbox", fields=["id"], condition=models.Q(document__isnull=True, error="")),
        ]

    def __str__(self) -> str:
        return f"{self.change} of {self.server_id}"


class Undo(models.Model):
    """The objects that a change of the policy made different: section, key, item before, item after of each."""

    change = models.OneToOneField(Change, on_delete=models.CASCADE, primary_key=True, related_name="undo")
    entries = models.JSONField()

    def __str__(self) -> str:
        return f"undo of {self.change_id}"


class Published(models.Model):
    """The newest pair of a server and its lease. Whoever publishes for the server holds this row."""

    server = models.OneToOneField(Server, on_delete=models.PROTECT, primary_key=True, related_name="published")
    snapshot = models.ForeignKey(SignedDocument, on_delete=models.PROTECT, null=True, related_name="+")
    incident = models.ForeignKey(SignedDocument, on_delete=models.PROTECT, null=True, related_name="+")
    lease_counter = models.PositiveBigIntegerField(default=0)
    lease = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"published of {self.server_id}"


class SigningRequest(models.Model):
    """A command asks the publisher, the only holder of private keys; the answer is sealed to `reply_key` (X25519)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=32)
    params = models.JSONField()
    reply_key = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    answer = models.TextField(blank=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(name="unanswered", fields=["id"], condition=models.Q(answer="", error=""))]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Proposal(models.Model):
    """An edit of one object that waits for somebody else's approval; `item` as `controlplane.policy.edits` takes it."""

    section = models.CharField(max_length=32)
    removal = models.BooleanField(default=False)
    item = models.JSONField()
    summary = models.TextField()
    reason = models.TextField(blank=True)
    proposed_by = models.CharField(max_length=255)
    proposed_at = models.DateTimeField(auto_now_add=True)
    approved = models.BooleanField(null=True)
    decided_by = models.CharField(max_length=255, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="proposal_by_somebody", condition=~models.Q(proposed_by="")),
            models.CheckConstraint(
                name="proposal_second_person",
                condition=~models.Q(approved=True) | ~models.Q(decided_by=models.F("proposed_by")),
            ),
            models.CheckConstraint(
                name="proposal_decided",
                condition=models.Q(approved__isnull=True, decided_by="", decided_at__isnull=True)
                | (models.Q(approved__isnull=False, decided_at__isnull=False) & ~models.Q(decided_by="")),
            ),
        ]

    def __str__(self) -> str:
        return f"proposal {self.pk}"
