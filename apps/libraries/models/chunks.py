"""What is searched: chunks, their vectors and their statistics."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from pgvector.django import SparseVectorField, VectorField

from apps.catalog.models import AIModel
from apps.core.models import Record
from apps.libraries.models.documents import Document, DocumentVersion, Library
from apps.users.models import Team, User

TERM_SPACE = 1_000_000_000  # pgvector's largest number of dimensions of a sparsevec; a term's dimension is its hash


class Section(Record):
    """What is read when one of its chunks is found: the parent of parent-and-child chunking. It is not searched."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="sections")
    version = models.ForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="sections")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    heading_path = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    page_from = models.PositiveIntegerField(null=True)
    page_to = models.PositiveIntegerField(null=True)
    char_from = models.PositiveIntegerField(default=0)
    char_to = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["ordinal"]

    def __str__(self) -> str:
        return f"{self.document_id} section {self.ordinal}"

    document_id: UUID


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
    section = models.ForeignKey(Section, null=True, blank=True, on_delete=models.SET_NULL, related_name="chunks")
    keywords = ArrayField(models.CharField(max_length=100), default=list, blank=True)  # searched like the text
    questions = ArrayField(models.CharField(max_length=500), default=list, blank=True)  # that it answers; likewise
    is_enabled = models.BooleanField(default=True)
    is_manual = models.BooleanField(default=False)  # added by a person, or born of a split or a merge
    is_edited = models.BooleanField(default=False)
    is_pending = models.BooleanField(default=False)  # its vector is to be made (again); until then the old one serves
    source_digest = models.CharField(max_length=64, blank=True)  # types.draft_digest of the draft it was made from
    embedded_digest = models.CharField(max_length=64, blank=True)  # types.text_digest of what its vector was made from
    terms = SearchVectorField(null=True)  # the folded terms: GIN finds candidates
    weights = SparseVectorField(dimensions=TERM_SPACE, null=True)  # BM25 weight of each term, at hash(term)
    term_count = models.PositiveIntegerField(default=0)  # BM25's document length

    class Meta:
        ordering = ["document", "ordinal"]
        constraints = [
            models.UniqueConstraint(  # deferred: chunks are renumbered in place
                fields=["version", "ordinal"], name="chunk_ordinal_unique", deferrable=models.Deferrable.DEFERRED
            )
        ]
        indexes = [
            GinIndex(fields=["terms"], name="chunk_terms"),
            models.Index(fields=["created_at"], condition=models.Q(is_pending=True), name="chunk_pending"),
            models.Index(fields=["document", "ordinal"], name="chunk_of_document"),
            models.Index(fields=["library", "id"], name="chunk_of_library"),
        ]

    def __str__(self) -> str:
        return f"{self.document} #{self.ordinal}"


class ChunkEdit(models.Model):
    """One change that a person made to a chunk, for its history."""

    id: int
    chunk = models.ForeignKey(Chunk, null=True, on_delete=models.SET_NULL, related_name="edits")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=20)  # edited, disabled, enabled, added, split, merged, deleted, restored
    before = models.JSONField(default=dict)  # text, keywords, questions, is_enabled as they were
    made_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.chunk_id}: {self.action}"

    chunk_id: UUID | None
    document_id: UUID


class FormerChunks(models.Model):
    """The chunks that a version had when another took its place: what a comparison of versions shows.

    `packed` is gzipped JSON lines of `libraries.diffs.Side`s as they were searched, with people's edits.
    """

    version = models.OneToOneField(DocumentVersion, on_delete=models.CASCADE, primary_key=True, related_name="former")
    packed = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.version_id}"

    version_id: UUID


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
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="+")
    term = models.TextField()
    chunks = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["term", "library"], name="term_of_library")]  # as searches ask

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
