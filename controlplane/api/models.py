"""What became of writes that were sent under an Idempotency-Key, for as long as it is kept."""

from django.db import models


class IdempotencyKey(models.Model):
    """`fingerprint` is of the whole request. Without an answer the outcome is unknown, or was a secret shown once."""

    caller = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=71)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)  # text: a JSON column of PostgreSQL would give it back in another order
    location = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="idempotency_key_once", fields=["caller", "key"])]

    def __str__(self) -> str:
        return f"{self.key} of {self.caller}"
