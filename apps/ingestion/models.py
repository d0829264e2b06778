"""The jobs that read documents, and the chunks they prepare."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import AIModel
from apps.core.models import Job, Record
from apps.libraries.models import Document, DocumentVersion, Library
from apps.users.models import Team, User


class IngestionJob(Job):
    """The reading of one version. PostgreSQL is the truth, the broker only a bell.

    A worker owns a running job as long as it renews `lease_until`; after that any worker may take it over.
    """

    class Stage(models.TextChoices):
        READ = "read", _("Reading")
        SPLIT = "split", _("Splitting")
        EMBED = "embed", _("Embedding")
        INDEX = "index", _("Indexing")

    class Kind(models.TextChoices):
        READ = "read", _("Read")
        CHUNK = "chunk", _("Cut anew")  # by another rule, from the blocks that were read before
        PAGES = "pages", _("Read pages again")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="jobs")
    version = models.ForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.READ)
    options = models.JSONField(default=dict, blank=True)  # of a kind: {"pages": {"3": PageSetting}}, {"chunking": Rule}
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.READ)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # not before this; set when a try failed for a passing reason
    model = models.ForeignKey(AIModel, null=True, on_delete=models.SET_NULL, related_name="+")  # of the staged vectors
    is_cancelled = models.BooleanField(default=False)  # asked for; the worker looks between steps
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    error_log = models.TextField(blank=True)  # for operators; never shown to members
    events = models.JSONField(default=list, blank=True)  # [{"at", "code", "params"}]: the log sheet; see jobs.note
    seconds = models.JSONField(default=dict, blank=True)  # per stage
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    is_cleared = models.BooleanField(default=False)  # a failure that somebody took note of: the bell forgets it

    class Meta:
        indexes = [
            models.Index(fields=["state", "lease_until"], name="job_due"),
            models.Index(  # queueing: the oldest of each team at a stage
                fields=["stage", "team", "created_at", "id"], condition=models.Q(state="queued"), name="job_queue"
            ),
            models.Index(  # the bell: what runs and what failed in a team
                fields=["team", "state"],
                condition=models.Q(state__in=["queued", "running", "failed"], is_cleared=False),
                name="job_bell",
            ),
            models.Index(fields=["-created_at", "-id"], name="job_by_age"),  # the console's list
            models.Index(fields=["team", "-created_at", "-id"], name="job_of_team_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(state__in=["queued", "running"]),
                name="one_live_job_per_version",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document}: {self.state}"


class Turn(models.Model):
    """When a team was last served at a stage: the queue gives the next turn to who waited longest."""

    id: int
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    stage = models.CharField(max_length=10)
    served_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "stage"], name="turn_of_team")]

    def __str__(self) -> str:
        return f"{self.team_id} at {self.stage}"

    team_id: UUID


class Pace(models.Model):
    """How fast a stage has gone lately for one kind of file, as two sums in which older documents fade.

    `stage` is a Stage (units: bytes to read, chunks to embed or index; cost: seconds) or "size" (units: bytes, cost:
    chunks that they gave).
    """

    id: int
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    stage = models.CharField(max_length=10)
    suffix = models.CharField(max_length=10, blank=True)  # of the file's name, lower case; "" where it does not matter
    units = models.FloatField(default=0)
    cost = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "stage", "suffix"], name="pace_of_team")]

    def __str__(self) -> str:
        return f"{self.team_id} {self.stage} {self.suffix}"

    team_id: UUID


class StagedChunk(models.Model):
    """A chunk that waits for its vector. Rows survive a crash, so embedding goes on where it stopped."""

    id: int
    job = models.ForeignKey(IngestionJob, on_delete=models.CASCADE, related_name="staged")
    ordinal = models.PositiveIntegerField()
    payload = models.JSONField()  # libraries.types.ChunkDraft as JSON
    tokens = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)  # types.text_digest of what is embedded
    vector = models.BinaryField(null=True)  # float32, little endian

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "ordinal"], name="staged_ordinal_unique")]
        indexes = [  # staging.waiting: the next chunks without a vector
            models.Index(fields=["job", "ordinal"], condition=models.Q(vector=None), name="staged_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.ordinal}"


class WebSource(Record):
    """Web pages that are read into a library, once or on a schedule. Its pages are its memory: a crash loses none."""

    class Kind(models.TextChoices):
        PAGES = "pages", _("Pages")
        SITE = "site", _("A site and its links")
        SITEMAP = "sitemap", _("A sitemap")

    class State(models.TextChoices):
        IDLE = "idle", _("Done")
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Reading")
        FAILED = "failed", _("Failed")

    LIVE = (State.QUEUED, State.RUNNING)

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="web_sources")
    kind = models.CharField(max_length=10, choices=Kind)
    urls = ArrayField(models.URLField(max_length=2000))  # where it begins, in normal form
    depth = models.PositiveSmallIntegerField(default=0)  # links followed from there; of a sitemap: nested indexes
    max_pages = models.PositiveIntegerField(default=50)
    every_hours = models.PositiveIntegerField(default=0)  # 0: only when somebody asks
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    run = models.PositiveIntegerField(default=0)  # counts the visits of the whole source
    next_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    is_cancelled = models.BooleanField(default=False)
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "next_at"], name="web_source_due")]

    def __str__(self) -> str:
        return self.urls[0] if self.urls else str(self.pk)

    @property
    def is_live(self) -> bool:
        """Return whether it is being read or waits for it."""
        return self.state in self.LIVE


class WebPage(models.Model):
    """One address of a source: how its last visit ended, and the document it became."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        NEW = "new", _("New")
        CHANGED = "changed", _("Changed")
        SAME = "same", _("Unchanged")
        GONE = "gone", _("Gone")
        SKIPPED = "skipped", _("Left out")
        FAILED = "failed", _("Failed")

    id: int
    source = models.ForeignKey(WebSource, on_delete=models.CASCADE, related_name="pages")
    url = models.URLField(max_length=2000)
    is_sitemap = models.BooleanField(default=False)
    depth = models.PositiveSmallIntegerField(default=0)  # links away from where the source begins
    run = models.PositiveIntegerField(default=0)  # the visit that queued it last
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    document = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL, related_name="+")
    etag = models.CharField(max_length=300, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    bytes_digest = models.CharField(max_length=64, blank=True)
    text_digest = models.CharField(max_length=64, blank=True)
    was_gone = models.BooleanField(default=False)  # its document was left out of the search because the page went
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["depth", "pk"]
        constraints = [models.UniqueConstraint(fields=["source", "url"], name="web_page_unique")]
        indexes = [models.Index(fields=["source", "state"], name="web_page_state")]

    def __str__(self) -> str:
        return self.url


class ModelSwitch(Record):
    """The change from one embedding model to another: vectors beside the old ones, then the switch, all at once."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")

    old = models.ForeignKey(AIModel, null=True, on_delete=models.SET_NULL, related_name="+")
    new = models.ForeignKey(AIModel, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)  # spent by workers
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=60, blank=True)  # of the last try; it goes on all the same
    started_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    finished_at = models.DateTimeField(null=True, blank=True)
    is_cleaned = models.BooleanField(default=False)  # the vectors that nobody needs any more are gone

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="running"), name="one_model_switch_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.old} → {self.new}: {self.state}"

    old_id: UUID | None
    new_id: UUID
