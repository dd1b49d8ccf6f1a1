"""Signs of life of parts that nobody can ask: a row a part, written anew every other second by the part itself."""

from django.db import models


class Pulse(models.Model):
    """`at` is the part's own clock."""

    part = models.CharField(primary_key=True, max_length=32)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.part
