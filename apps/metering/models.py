"""What may be used, what is reserved, and what was used."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.models import Record
from apps.users.models import Team, User


class Resource(models.TextChoices):
    """What is counted."""

    QUESTIONS = "questions", _("questions")
    PROMPT_TOKENS = "prompt_tokens", _("prompt tokens")
    OUTPUT_TOKENS = "output_tokens", _("generated tokens")
    PAGES = "pages", _("pages read")
    DOCUMENTS = "documents", _("documents")
    STORAGE_BYTES = "storage_bytes", _("bytes of storage")


class Scope(models.TextChoices):
    """Whose use is counted together."""

    SYSTEM = "system", _("The whole installation")
    TEAM = "team", _("A team")
    USER = "user", _("A person")


class Window(models.TextChoices):
    """Over which time. Days and months are UTC's."""

    MINUTE = "minute", _("per minute")
    DAY = "day", _("per day")
    MONTH = "month", _("per month")
    TOTAL = "total", _("in all")


class Quota(Record):
    """A limit. Without a team or person it is the default for all of its scope; a named one decides instead of it.

    A limit of 0 allows nothing. A row that is not enabled lifts the limit that a broader one or a setting makes.
    """

    scope = models.CharField(max_length=10, choices=Scope)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    resource = models.CharField(max_length=20, choices=Resource)
    window = models.CharField(max_length=10, choices=Window)
    limit = models.PositiveBigIntegerField()
    is_enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "team", "user", "resource", "window"], nulls_distinct=False, name="quota_unique"
            ),
            models.CheckConstraint(
                name="quota_names_its_scope",
                condition=models.Q(scope="system", team=None, user=None)
                | models.Q(scope="team", user=None)
                | models.Q(scope="user", team=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.resource} {self.limit} {self.window}"


class Counter(models.Model):
    """How much one subject used and holds of one resource in one window. Written by SQL in `services` alone."""

    id: int
    scope = models.CharField(max_length=10, choices=Scope)
    subject = models.UUIDField()  # of the team or the person; zero for the installation
    resource = models.CharField(max_length=20, choices=Resource)
    window = models.CharField(max_length=10, choices=Window)
    starts_at = models.DateTimeField()
    used = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)  # by open reservations

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "subject", "resource", "window", "starts_at"], name="counter_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.resource} {self.window}: {self.used}+{self.held}"


class Reservation(Record):
    """A part of the quotas held for work under way."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        SETTLED = "settled", _("Settled")
        RELEASED = "released", _("Released")
        EXPIRED = "expired", _("Expired")

    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+")
    user_key = models.UUIDField()  # what the counters are named by; stays when the person is deleted
    team_key = models.UUIDField()
    amounts = models.JSONField(default=dict)  # resource -> amount held
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], condition=models.Q(state="open"), name="reservation_due")]

    def __str__(self) -> str:
        return f"{self.state}: {self.amounts}"


class UsageEvent(models.Model):
    """One line of the ledger. `at` is the time of the reservation, so that it counts in the window it was held in."""

    id: int
    at = models.DateTimeField()
    user_key = models.UUIDField()
    team_key = models.UUIDField()
    resource = models.CharField(max_length=20, choices=Resource)
    amount = models.BigIntegerField()  # below zero: given back
    reservation = models.UUIDField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["team_key", "resource", "at"], name="usage_of_team"),
            models.Index(fields=["user_key", "resource", "at"], name="usage_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.resource}"
