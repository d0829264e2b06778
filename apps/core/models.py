"""What every table shares: an unguessable id and the two times; and how far a job is."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class Record(models.Model):
    """A row with a random UUID (122 random bits, so an id cannot be guessed) and its times."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True


class JobState(models.TextChoices):
    """How far a job is; the last three are for good."""

    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class Job(Record):
    """Work that a worker takes from a queue under a lease: documents, models, sets of questions, pictures."""

    State = JobState
    LIVE = (JobState.QUEUED, JobState.RUNNING)

    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)

    class Meta:
        abstract = True
