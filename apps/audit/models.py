"""The append-only log."""

from django.db import models


class AuditEvent(models.Model):
    """Something that happened, chained to the event before it by a hash.

    No foreign keys: an entry outlives what it names, and a trigger refuses every UPDATE and DELETE.
    """

    sequence = models.BigIntegerField(primary_key=True)  # 1, 2, 3 … without gaps
    at = models.DateTimeField()
    action = models.CharField(max_length=60)  # a past fact in kebab case: "member.removed"
    actor_id = models.UUIDField(null=True)
    actor_email = models.CharField(max_length=254, blank=True)
    team_id = models.UUIDField(null=True)
    target_type = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=60, blank=True)
    detail = models.JSONField(default=dict)
    request_id = models.CharField(max_length=40, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["sequence"]
        indexes = [
            models.Index(fields=["team_id", "-sequence"], name="audit_of_team"),
            models.Index(fields=["actor_id", "-sequence"], name="audit_of_actor"),
            models.Index(fields=["action", "-sequence"], name="audit_of_action"),
            models.Index(fields=["target_id", "-sequence"], name="audit_of_target"),
            models.Index(fields=["at"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"
