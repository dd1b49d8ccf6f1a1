"""Receipts as they came, and how far each chain is whole. Identifiers are text: no foreign key ever touches one."""

from django.db import models


class Chain(models.Model):
    """One journal's order: one process start of one enforcer. `contiguous_to` is what may be acknowledged."""

    chain_id = models.CharField(max_length=64, primary_key=True)
    enforcer_id = models.CharField(max_length=63, db_index=True)
    contiguous_to = models.PositiveBigIntegerField(default=0)
    head_hash = models.CharField(max_length=71, blank=True)
    previous_chain_id = models.CharField(max_length=64, blank=True)
    first_seen = models.DateTimeField(auto_now_add=True)
    last_seen = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.chain_id


class ReceiptIndex(models.Model):
    """Which places are taken: written before the body, never partitioned, so that a redelivery can't enter twice."""

    receipt_id = models.CharField(max_length=64, primary_key=True)
    chain_id = models.CharField(max_length=64)
    sequence = models.PositiveBigIntegerField()
    parent_hash = models.CharField(max_length=71)
    receipt_hash = models.CharField(max_length=71)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "sequence"], name="one_receipt_a_place")]

    def __str__(self) -> str:
        return f"{self.chain_id}/{self.sequence}"


class Receipt(models.Model):
    """`line` is the evidence; the other columns are taken out of it for searching."""

    receipt_id = models.CharField(max_length=64, primary_key=True)
    line = models.BinaryField()
    receipt_type = models.CharField(max_length=64)
    enforcer_id = models.CharField(max_length=63)
    chain_id = models.CharField(max_length=64)
    sequence = models.PositiveBigIntegerField()
    event_time = models.CharField(max_length=32, blank=True)
    server_id = models.CharField(max_length=63, blank=True)
    tool_name = models.CharField(max_length=255, blank=True)
    subject = models.CharField(max_length=255, blank=True)
    result = models.CharField(max_length=20, blank=True)
    reason_codes = models.CharField(max_length=255, blank=True)
    ingested_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["chain_id", "sequence"]),
            models.Index(fields=["event_time", "receipt_id"]),
            models.Index(fields=["server_id", "tool_name"]),
            models.Index(fields=["subject"]),
        ]

    def __str__(self) -> str:
        return self.receipt_id


class Checkpoint(models.Model):
    """What was held at a time, signed: the document itself is the evidence (`enforcer.contract.checkpoint`)."""

    number = models.PositiveBigIntegerField(primary_key=True)
    envelope = models.TextField()
    payload_hash = models.CharField(max_length=71)
    size = models.PositiveIntegerField()
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"checkpoint {self.number}"


class Stretch(models.Model):
    """Which checkpoint holds which receipts of a chain, for finding it; both ends included."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="stretches")
    chain_id = models.CharField(max_length=64)
    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "last"], name="one_checkpoint_a_place")]

    def __str__(self) -> str:
        return f"{self.chain_id}/{self.first}-{self.last}"


class Archive(models.Model):
    """A month whose receipts are in a file and no longer here; their index is."""

    month = models.CharField(max_length=7, primary_key=True)
    file = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    receipts = models.PositiveBigIntegerField()
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.month} in {self.file}"


class Archived(models.Model):
    """Which places of a chain an archive took; both ends included."""

    archive = models.ForeignKey(Archive, on_delete=models.PROTECT, related_name="parts")
    chain_id = models.CharField(max_length=64)
    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "last"], name="one_archive_a_place")]

    def __str__(self) -> str:
        return f"{self.chain_id}/{self.first}-{self.last}"


class Verification(models.Model):
    """Of one day: whether everything that is stored still is what it was. `problems` are the first of `wrong` many."""

    day = models.DateField(primary_key=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    receipts = models.PositiveBigIntegerField(default=0)
    chains = models.PositiveBigIntegerField(default=0)
    checkpoints = models.PositiveBigIntegerField(default=0)
    wrong = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"verification of {self.day}"


class Conflict(models.Model):
    """A receipt that claims a place or an id that another one has. The first stays; this is the alarm."""

    enforcer_id = models.CharField(max_length=63)
    chain_id = models.CharField(max_length=64)
    sequence = models.PositiveBigIntegerField()
    line = models.BinaryField()
    problem = models.CharField(max_length=255)
    seen_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.chain_id}/{self.sequence}: {self.problem}"
