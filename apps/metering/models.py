"""What may be used, what is reserved, and what was used."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.models import Record
from apps.users.models import ApiKey, Group, Team, User


class Resource(models.TextChoices):
    """What is counted."""

    QUESTIONS = "questions", _("questions")
    PROMPT_TOKENS = "prompt_tokens", _("prompt tokens")
    OUTPUT_TOKENS = "output_tokens", _("generated tokens")
    PAGES = "pages", _("pages read")
    DOCUMENTS = "documents", _("documents")
    STORAGE_BYTES = "storage_bytes", _("bytes of storage")
    GENERATIONS = "generations", _("answers at the same time")  # held while it runs, never used: the window is "total"
    PICTURES = "pictures", _("pictures")
    PIXEL_STEPS = "pixel_steps", _("pixel-steps")  # width x height x steps, in units of 1,000
    AUDIO_SECONDS = "audio_seconds", _("seconds of audio")
    API_CALLS = "api_calls", _("API calls")
    MONEY = "money", _("cost")  # millionths of the currency in the settings, by the price table


class Scope(models.TextChoices):
    """Whose use is counted together."""

    SYSTEM = "system", _("The whole installation")
    TEAM = "team", _("A team")
    GROUP = "group", _("A group")
    USER = "user", _("A person")  # in all teams together
    MEMBER = "member", _("A member of a team")  # what a person does in this team alone
    KEY = "key", _("An API key")


class Window(models.TextChoices):
    """Over which time. Days and months are UTC's."""

    MINUTE = "minute", _("per minute")
    DAY = "day", _("per day")
    MONTH = "month", _("per month")
    TOTAL = "total", _("in all")


class Behaviour(models.TextChoices):
    """What happens at the limit."""

    BLOCK = "block", _("Refuse, with the reason and when it is there again")
    DEGRADE = "degrade", _("Answer with a smaller model")


class Quota(Record):
    """A limit. Without a team, group, person or key it is its scope's default; a named one decides instead of it.

    A limit of 0 allows nothing. A row that is not enabled lifts the limit that a broader one or a setting makes.
    A person of several groups is bound by each group's limit. A member's limit names the team and the person; without
    the person it is for each member of the team. Written by `limits` alone, which keeps the counters right.
    """

    scope = models.CharField(max_length=10, choices=Scope)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    key = models.ForeignKey(ApiKey, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    resource = models.CharField(max_length=20, choices=Resource)
    window = models.CharField(max_length=10, choices=Window)
    limit = models.PositiveBigIntegerField()
    is_enabled = models.BooleanField(default=True)
    warn_percent = models.PositiveSmallIntegerField(default=80)  # from here on the person is told
    behaviour = models.CharField(max_length=10, choices=Behaviour, default=Behaviour.BLOCK)
    fallback_model = models.CharField(max_length=80, blank=True)  # AIModel.name, where the behaviour is "degrade"

    class Meta:
        indexes = [
            models.Index(
                fields=["scope"],
                condition=models.Q(team=None, user=None, group=None, key=None),
                name="quota_of_everybody",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "team", "user", "group", "key", "resource", "window"],
                nulls_distinct=False,
                name="quota_unique",
            ),
            models.CheckConstraint(
                name="quota_names_its_scope",
                condition=models.Q(scope="system", team=None, user=None, group=None, key=None)
                | models.Q(scope="team", user=None, group=None, key=None)
                | models.Q(scope="group", user=None, team=None, key=None)
                | models.Q(scope="user", team=None, group=None, key=None)
                | models.Q(models.Q(user=None) | models.Q(team__isnull=False), scope="member", group=None, key=None)
                | models.Q(scope="key", team=None, user=None, group=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.resource} {self.limit} {self.window}"


class Counter(models.Model):
    """How much one subject used and holds of one resource in one window; only where a limit applies to it.

    Written by SQL in `services` and `limits` alone.
    """

    id: int
    scope = models.CharField(max_length=10, choices=Scope)
    subject = models.UUIDField()  # of the team, group, person, member or key; zero for the installation
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
    group_keys = ArrayField(models.UUIDField(), default=list, db_default=[])  # the person's groups at that moment
    api_key = models.UUIDField(null=True)  # of the API key; None: a person in a browser
    model = models.CharField(max_length=80, blank=True, db_default="")  # AIModel.name that does the work
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
    group_keys = ArrayField(models.UUIDField(), default=list, db_default=[])
    api_key = models.UUIDField(null=True)
    model = models.CharField(max_length=80, blank=True, db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["team_key", "resource", "at"], name="usage_of_team"),
            models.Index(fields=["user_key", "resource", "at"], name="usage_of_user"),
            BrinIndex(fields=["at"], name="usage_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.resource}"


class Price(Record):
    """What one million units of a resource of a model cost, from a day on. The newest that has begun counts."""

    model = models.CharField(max_length=80)  # AIModel.name; empty: of every model
    resource = models.CharField(max_length=20, choices=Resource)
    micros_per_million = models.PositiveBigIntegerField()  # millionths of the currency for 1,000,000 units
    starts_on = models.DateField()

    class Meta:
        ordering = ["model", "resource", "-starts_on"]
        constraints = [models.UniqueConstraint(fields=["model", "resource", "starts_on"], name="price_unique")]

    def __str__(self) -> str:
        return f"{self.model} {self.resource}: {self.micros_per_million}"


class UsageDay(models.Model):
    """The ledger summed up by day (UTC), for the dashboards. Written by SQL alone; always equal to the ledger."""

    id: int
    day = models.DateField()
    team_key = models.UUIDField()
    user_key = models.UUIDField()
    api_key = models.UUIDField(null=True)
    model = models.CharField(max_length=80, blank=True)
    resource = models.CharField(max_length=20, choices=Resource)
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "team_key", "user_key", "api_key", "model", "resource"],
                nulls_distinct=False,
                name="usage_day_unique",
            ),
        ]
        indexes = [
            models.Index(fields=["team_key", "day"], include=["resource", "amount"], name="usage_day_within_team"),
            models.Index(fields=["user_key", "day"], name="usage_day_of_user"),
            models.Index(fields=["day", "resource"], name="usage_day_recent"),  # what `UsageSum` does not hold yet
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.resource}: {self.amount}"


class UsageSum(models.Model):
    """A day that has ended, summed up again: by model (of "system"), by team and by person, each over all the rest.

    `sums` writes a day once it is over, the settlement what comes in after that (`sql.SUMMED_UNTIL`). Always equal to
    `UsageDay`. The pages of the installation read it through `UsageShown`.
    """

    id: int
    scope = models.CharField(max_length=10, choices=Scope)
    subject = models.UUIDField()  # of the team or person; zero for the installation
    model = models.CharField(max_length=80, blank=True)  # of the installation alone
    resource = models.CharField(max_length=20, choices=Resource)
    day = models.DateField()
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "subject", "day", "resource", "model"], name="usage_sum_unique"),
        ]
        indexes = [
            models.Index(fields=["scope", "resource", "day"], include=["subject", "amount"], name="usage_sum_ranked"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.scope} {self.resource}: {self.amount}"


class UsageShown(models.Model):
    """A view: `UsageSum`, and from `UsageDay` the days that it does not hold yet, in the same columns."""

    scope = models.CharField(max_length=10)
    subject = models.UUIDField()
    model = models.CharField(max_length=80)
    resource = models.CharField(max_length=20)
    day = models.DateField()
    amount = models.BigIntegerField()

    class Meta:
        managed = False

    def __str__(self) -> str:
        return f"{self.day} {self.scope} {self.resource}: {self.amount}"
