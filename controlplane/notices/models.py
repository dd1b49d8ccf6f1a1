"""Notices, and what was sent of them. A notice is open until what it tells is over; its row stays."""

from django.db import models
from django.db.models import Q


class Notice(models.Model):
    """`kind` is one of `kinds.KINDS`, `about` names the server, enforcer or part; empty where there is but one."""

    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=140, blank=True)
    text = models.CharField(max_length=500)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="open_once", fields=["kind", "about"], condition=Q(closed_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.about}".strip()


class Delivery(models.Model):
    """One message on its way to one place. `problem` is why the last try failed; given up where both times are set."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=8)  # opened, closed
    place = models.CharField(max_length=500)  # an address, or a URL
    tries = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)  # none: done with
    sent_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [models.Index(name="deliveries_due", fields=["next_at"], condition=Q(next_at__isnull=False))]

    def __str__(self) -> str:
        return f"{self.event} to {self.shown_place}"

    @property
    def shown_place(self) -> str:
        """Of a webhook its host alone: the rest may be a secret."""
        return shown_place(self.place)


def shown_place(place: str) -> str:
    """For pages and logs."""
    return place.split("/", 3)[2].rpartition("@")[2] if "://" in place else place
