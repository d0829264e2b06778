"""Libraries, their documents in versions, and the chunks that are searched."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from pgvector.django import SparseVectorField, VectorField

from apps.catalog.models import AIModel
from apps.core.models import Record
from apps.users.models import Team, User

TERM_SPACE = 1_000_000_000  # pgvector's largest number of dimensions of a sparsevec; a term's dimension is its hash


class LibraryQuerySet(models.QuerySet["Library"]):
    """Sets of libraries."""

    def readable_by(self, user: User) -> LibraryQuerySet:
        """Return the libraries of the teams the person is a member of now, without deleted ones."""
        return self.filter(deleted_at=None, team__memberships__user=user, team__memberships__user__is_active=True)

    def with_counts(self) -> LibraryQuerySet:
        """Add `document_count`, `chunk_count`, `size_bytes` and `unsettled_count`, without deleted documents."""
        documents = Document.objects.filter(library=models.OuterRef("pk"), deleted_at=None).order_by().values("library")

        def one(total: models.Aggregate) -> models.Func:
            sums = documents.annotate(total=total).values("total")
            return Coalesce(models.Subquery(sums), 0, output_field=models.BigIntegerField())

        return self.annotate(
            document_count=one(models.Count("pk")),
            chunk_count=one(models.Sum("current_version__chunk_count")),
            size_bytes=one(models.Sum("size_bytes")),
            unsettled_count=one(models.Count("pk", filter=~models.Q(status__in=Document.SETTLED))),
        )


class Library(Record):
    """A named collection of documents that belongs to one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="libraries")
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=500, blank=True)
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
        """Return the documents of readable libraries, without deleted ones."""
        return self.filter(deleted_at=None, library__in=Library.objects.readable_by(user))


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

    SETTLED = (Status.READY, Status.FAILED, Status.CANCELLED)

    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="documents")
    name = models.CharField(max_length=255)
    folder = models.CharField(max_length=1000, blank=True)  # "a/b", as dropped; a label, never a path on a disk
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField(default=0)
    media_type = models.CharField(max_length=100, blank=True)
    uploaded_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
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
            models.UniqueConstraint(
                fields=["library", "sha256"], condition=models.Q(deleted_at=None), name="document_bytes_unique"
            ),
        ]
        indexes = [
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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="version_number_unique")]

    def __str__(self) -> str:
        return f"{self.document} v{self.number}"


class Chunk(Record):
    """A searchable passage: part of one section of one version.

    `team` and `library` repeat what the document says, so that the access filter and the search are one
    index-friendly WHERE. Only chunks of a document's current version exist.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    version = models.ForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="chunks")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    heading_path = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    page_from = models.PositiveIntegerField(null=True)  # from 1; None where the format has no pages
    page_to = models.PositiveIntegerField(null=True)
    boxes = models.JSONField(default=list)  # [[page, x0, y0, x1, y1]] as fractions 0..1 of the page, origin top left
    char_from = models.PositiveIntegerField(default=0)  # offsets in the version's whole text (blocks joined by "\n\n")
    char_to = models.PositiveIntegerField(default=0)
    tokens = models.PositiveIntegerField(default=0)  # of the embedding model
    terms = SearchVectorField(null=True)  # the folded terms: GIN finds candidates
    weights = SparseVectorField(dimensions=TERM_SPACE, null=True)  # BM25 weight of each term, at hash(term)
    term_count = models.PositiveIntegerField(default=0)  # BM25's document length

    class Meta:
        ordering = ["document", "ordinal"]
        constraints = [models.UniqueConstraint(fields=["version", "ordinal"], name="chunk_ordinal_unique")]
        indexes = [
            GinIndex(fields=["terms"], name="chunk_terms"),
            models.Index(fields=["library", "id"], name="chunk_of_library"),
        ]

    def __str__(self) -> str:
        return f"{self.document} #{self.ordinal}"


class LibraryStatistics(models.Model):
    """How many chunks and term occurrences a library has: BM25's N and average length. See `lexical_store`."""

    library = models.OneToOneField(Library, on_delete=models.CASCADE, primary_key=True, related_name="statistics")
    chunks = models.BigIntegerField(default=0)
    occurrences = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.library_id}: {self.chunks}"

    library_id: UUID


class TermStatistics(models.Model):
    """In how many chunks of a library a term stands: BM25's document frequency."""

    id: int
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="+", db_index=False)
    term = models.TextField()
    chunks = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["library", "term"], name="term_of_library")]

    def __str__(self) -> str:
        return f"{self.term}: {self.chunks}"

    library_id: UUID


class ChunkEmbedding(models.Model):
    """The vector of a chunk by one model. Each model has its own partial HNSW index (see services)."""

    id: int
    chunk = models.ForeignKey(Chunk, on_delete=models.CASCADE, related_name="embeddings")
    model = models.ForeignKey(AIModel, on_delete=models.PROTECT, related_name="+")
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="+")
    vector = VectorField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chunk", "model"], name="one_vector_per_model")]
        indexes = [models.Index(fields=["model", "library"], name="vector_of_library")]

    def __str__(self) -> str:
        return f"{self.chunk_id} by {self.model_id}"

    chunk_id: UUID
    model_id: UUID
