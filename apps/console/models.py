"""What the console remembers: sizes over time, and what the nightly check found."""

from django.db import models


class Sample(models.Model):
    """How big the installation was at one time. One an hour; after a month one a day is kept."""

    id: int
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    database_bytes = models.BigIntegerField(default=0)
    media_bytes = models.BigIntegerField(default=0)
    disk_free_bytes = models.BigIntegerField(default=0)
    documents = models.BigIntegerField(default=0)
    chunks = models.BigIntegerField(default=0)
    people = models.BigIntegerField(default=0)
    teams = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.at}: {self.database_bytes}"


class Check(models.Model):
    """One run of all invariants (`manage.py verify_invariants`), by night."""

    id: int
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    seconds = models.FloatField(default=0)
    broken = models.JSONField(default=list)  # [{"check", "what"}]

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.at}: {len(self.broken)} broken"
