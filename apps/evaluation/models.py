"""Question sets of libraries, their runs, and the gaps that people's questions show."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import Job, Record
from apps.libraries.models import AskedQuestion, Library
from apps.users.models import Team, User


class QuestionSet(Record):
    """Questions of a library with what a good search and a good answer would bring."""

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="question_sets")
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=500, blank=True)
    is_nightly = models.BooleanField(default=False)  # beat runs it once a night where anything changed
    alarm_drop = models.FloatField(default=0.05)  # fall of a metric against the baseline that raises an alarm
    baseline = models.ForeignKey("Run", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["library", "name"], condition=models.Q(deleted_at=None), name="question_set_name_unique"
            )
        ]

    def __str__(self) -> str:
        return self.name


class SetQuestion(Record):
    """One question of a set. Neither `gold` nor `answers`: the library does not answer it, and refusing is right."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")  # written by a model or taken from a chat, not looked at yet
        ACCEPTED = "accepted", _("Accepted")
        DELETED = "deleted", _("Deleted")  # can be restored until the purge

    class Origin(models.TextChoices):
        WRITTEN = "written", _("Written")
        IMPORTED = "imported", _("Imported")
        DRAFTED = "drafted", _("Drafted by a model")
        RULE = "rule", _("Made by a rule")
        CHAT = "chat", _("From a chat")
        TEST = "test", _("From a retrieval test")

    questions = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="questions")
    text = models.CharField(max_length=2000)
    answers = ArrayField(models.CharField(max_length=2000), default=list, blank=True)  # any of them is right
    # [{"document": id, "name": its name, "quote": words that the passage has, "" for any passage of it}]
    gold = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.ACCEPTED)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.WRITTEN)
    note = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["questions", "text"], name="set_question_unique")]

    def __str__(self) -> str:
        return self.text


class Run(Job):
    """One evaluation of a set with certain settings; leased to a worker like a job."""

    class Kind(models.TextChoices):
        RETRIEVAL = "retrieval", _("Search only")
        ANSWERS = "answers", _("Search and answers")

    questions = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.RETRIEVAL)
    label = models.CharField(max_length=100, blank=True)
    settings = models.JSONField(default=dict, blank=True)  # runs.Settings as JSON: search options, mode, strict
    facts = models.JSONField(default=dict, blank=True)  # what it ran on: documents, passages, models, and a digest
    is_nightly = models.BooleanField(default=False)
    is_alarm = models.BooleanField(default=False)  # worse than its baseline by more than the set allows, not yet seen
    alarm = models.JSONField(default=dict, blank=True)  # what fell: {"run", "questions", "falls": [[name, from, to]]}
    metrics = models.JSONField(default=dict, blank=True)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    attempt = models.PositiveIntegerField(default=0)  # one more with each claim: whoever has an older one lost it
    losses = models.PositiveIntegerField(default=0)  # workers that died with it
    lease_until = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="run_due"),
            models.Index(fields=["-finished_at"], condition=models.Q(is_alarm=True), name="run_alarm"),  # the bell
        ]

    def __str__(self) -> str:
        return f"{self.questions} {self.created_at:%Y-%m-%d %H:%M}"


class RunResult(models.Model):
    """What came of one question in a run; `text` and `gold` are copies, so an old run can always be read."""

    id: int
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="results")
    question = models.ForeignKey(SetQuestion, null=True, on_delete=models.SET_NULL, related_name="+")
    text = models.CharField(max_length=2000)
    gold = models.JSONField(default=list, blank=True)
    ranking = models.JSONField(default=list, blank=True)  # [{"document", "name", "chunk", "score", "is_gold"}]
    answer = models.TextField(blank=True)
    is_refusal = models.BooleanField(default=False)
    support = models.FloatField(default=0.0)
    metrics = models.JSONField(default=dict, blank=True)
    milliseconds = models.FloatField(default=0.0)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["run", "question"], name="one_result_per_question")]

    def __str__(self) -> str:
        return self.text

    question_id: UUID | None


class Gap(Record):
    """Something people ask that a library cannot answer: a cluster of refused, weak and voted-down questions."""

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("state", "Open")
        CLOSED = "closed", _("Closed")
        DISMISSED = "dismissed", _("Dismissed")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="gaps")
    title = models.CharField(max_length=300)  # its most typical question
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    assignee = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    note = models.CharField(max_length=2000, blank=True)
    question_count = models.PositiveIntegerField(default=0)
    asker_count = models.PositiveIntegerField(default=0)
    last_asked_at = models.DateTimeField(null=True, blank=True)
    centre = models.JSONField(default=list, blank=True)  # mean vector of its questions
    closed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    rerun = models.JSONField(default=dict, blank=True)  # what its questions find since: {"state", "answered", "total"}

    class Meta:
        ordering = ["-question_count", "-last_asked_at"]
        indexes = [models.Index(fields=["library", "state", "-question_count"], name="gap_inbox")]

    def __str__(self) -> str:
        return self.title


class GapQuestion(models.Model):
    """A question of a gap; each asked question belongs to at most one gap of a library."""

    id: int
    gap = models.ForeignKey(Gap, on_delete=models.CASCADE, related_name="questions")
    asked = models.ForeignKey(AskedQuestion, on_delete=models.CASCADE, related_name="gaps")
    now_support = models.FloatField(null=True)  # after it was asked again
    is_answered = models.BooleanField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gap", "asked"], name="gap_question_unique")]

    def __str__(self) -> str:
        return str(self.asked)
