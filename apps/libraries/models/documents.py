"""Libraries, their documents, and the versions of these."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.models import Record
from apps.libraries.models.grants import Level, Place, library_allows
from apps.users.access import acting_key, memberships_of
from apps.users.models import Team, User


class LibraryQuerySet(models.QuerySet["Library"]):
    """Sets of libraries. What is allowed to whom: see `models.grants` and `libraries.rights`."""

    def readable_by(self, user: User) -> LibraryQuerySet:
        """Return the libraries, without deleted ones, in which the person may read something: not all of it."""
        inside = Place.objects.allowing(user, Level.READ).values("library")
        return self._in_teams_of(user).filter(library_allows(user, Level.READ) | models.Q(pk__in=inside))

    def allowing(self, user: User, level: Level) -> LibraryQuerySet:
        """Return the libraries, without deleted ones, whose own rights give the person the level.

        They hold for all in it that has no place of its own.
        """
        return self._in_teams_of(user).filter(library_allows(user, level))

    def _in_teams_of(self, user: User) -> LibraryQuerySet:
        found = self.filter(deleted_at=None, team__in=memberships_of(user).values("team"))
        key = acting_key.get()
        return found if key is None or key.library_ids is None else found.filter(pk__in=key.library_ids)

    def with_locks(self) -> LibraryQuerySet:
        """Add `is_closed`: only chosen people may read the library itself."""
        own = Place.objects.filter(library=models.OuterRef("pk"), document=None, folder="", is_restricted=True)
        return self.annotate(is_closed=models.Exists(own))


class Library(Record):
    """A named collection of documents that belongs to one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="libraries")
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=500, blank=True)
    chunking = models.JSONField(default=dict, blank=True)  # ingestion.chunking.Rule as JSON; {} is the default rule
    search = models.JSONField(default=dict, blank=True)  # rag.options.SearchSettings as JSON; {}: the defaults
    metadata_fields = models.JSONField(default=list, blank=True)  # [{"key", "label", "type", "choices"}], in order
    is_paused = models.BooleanField(default=False)  # its queued jobs wait
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = LibraryQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name"], condition=models.Q(deleted_at=None), name="library_name_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DocumentQuerySet(models.QuerySet["Document"]):
    """Sets of documents."""

    def readable_by(self, user: User) -> DocumentQuerySet:
        """Return the documents that the person may read, without deleted ones."""
        return self.allowing(user, Level.READ).filter(deleted_at=None)

    def allowing(self, user: User, level: Level) -> DocumentQuerySet:
        """Return the documents, deleted ones among them, for which the person has at least the level."""
        by_library = models.Q(place=None, library__in=Library.objects.allowing(user, level))
        by_place = models.Q(place__in=Place.objects.allowing(user, level))
        return self.filter(by_library | by_place, library__in=Library.objects.readable_by(user))


class Document(Record):
    """A file that somebody put into a library. Its text lives in versions.

    `status`, `stage` and the progress are a copy of the latest ingestion job, kept here so that a list of
    documents is one query.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Reading")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    class Origin(models.TextChoices):
        UPLOAD = "upload", _("Uploaded")
        PART = "part", _("From another file")  # an attachment, or a member of an archive
        WEB = "web", _("From the web")

    SETTLED = (Status.READY, Status.FAILED, Status.CANCELLED)

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="documents")
    name = models.CharField(max_length=255)
    folder = models.CharField(max_length=1000, blank=True)  # "a/b", as dropped; a label, never a path on a disk
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField(default=0)
    media_type = models.CharField(max_length=100, blank=True)
    uploaded_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.UPLOAD)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="parts")
    source_url = models.URLField(max_length=2000, blank=True)
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    metadata = models.JSONField(default=dict, blank=True)  # by the keys of Library.metadata_fields
    is_enabled = models.BooleanField(default=True)  # a disabled document is listed and not searched
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # The nearest folder or document with rights of its own, itself included; None: the library's hold. A trigger keeps
    # it right, whoever writes the row (migration 0012).
    place = models.ForeignKey("Place", null=True, blank=True, on_delete=models.SET_NULL, related_name="documents")
    valid_from = models.DateField(null=True, blank=True)  # outside of these days (both count) it is not searched
    valid_until = models.DateField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)  # when the owner was told that it expires
    current_version = models.ForeignKey("DocumentVersion", null=True, on_delete=models.SET_NULL, related_name="+")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    stage = models.CharField(max_length=20, blank=True)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(  # per place: what is in a hidden one must not show by being refused elsewhere
                fields=["library", "sha256", "place"],
                condition=models.Q(deleted_at=None, parent=None) & ~models.Q(origin="web"),
                name="document_bytes_unique",
                nulls_distinct=False,
            ),
            models.UniqueConstraint(
                fields=["parent", "folder", "name", "sha256"],
                condition=models.Q(deleted_at=None, parent__isnull=False),
                name="document_part_unique",
            ),
        ]
        indexes = [
            GinIndex(fields=["tags"], name="document_tags"),
            GinIndex(fields=["metadata"], name="document_metadata", opclasses=["jsonb_path_ops"]),
            models.Index(fields=["library", "-created_at"], name="document_list"),
            models.Index(  # ingestion.rescue: what is unsettled and has no job
                fields=["status"], condition=models.Q(status__in=["queued", "running"]), name="document_unsettled"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_settled(self) -> bool:
        """Return whether nothing more will happen by itself."""
        return self.status in self.SETTLED


def version_path(version: DocumentVersion, _filename: str) -> str:
    """Return the storage key of a version's bytes: random, so a name can never become a path."""
    return f"documents/{version.id.hex[:2]}/{version.id.hex}"


class DocumentVersion(Record):
    """The bytes of a document at one time, and what reading them gave."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(default=1)
    file = models.FileField(upload_to=version_path, max_length=200)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField(default=0)
    media_type = models.CharField(max_length=100, blank=True)
    pages = models.PositiveIntegerField(default=0)
    chunk_count = models.PositiveIntegerField(default=0)
    blocks = models.FileField(upload_to="", max_length=200, blank=True)  # gzipped JSON lines of the parsed blocks
    facts = models.JSONField(default=dict, blank=True)  # what the file says of itself: author, subject, from, sent …
    attachments = models.JSONField(default=list, blank=True)  # [{"name", "size", "reason"}]: reason: why it is no part
    password = models.TextField(blank=True)  # of an encrypted file, itself encrypted by core.crypto; never shown
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    note = models.CharField(max_length=500, blank=True)  # what is new in it, in its uploader's words
    cut_by = models.CharField(max_length=64, blank=True)  # digest of the rule that cut it (ingestion.chunking)
    indexed_title = models.CharField(max_length=255, blank=True)  # that its chunks' terms hold

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="version_number_unique")]

    def __str__(self) -> str:
        return f"{self.document} v{self.number}"


class SavedView(Record):
    """A filter of a library's documents under a name; a person's own, or shared with the team."""

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="views")
    name = models.CharField(max_length=100)
    query = models.CharField(max_length=2000)  # the page's query string, made anew from the validated filter
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    is_shared = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["library", "user", "name"], name="saved_view_unique")]

    def __str__(self) -> str:
        return self.name
