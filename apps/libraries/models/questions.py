"""What people ask: the log of questions, the answers that editors gave once, and the words of a library."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _
from pgvector.django import VectorField

from apps.catalog.models import AIModel
from apps.core.models import Record
from apps.libraries.models.documents import Library
from apps.users.models import Team, User


class Lexicon(models.Model):
    """The words and synonyms of a library, as they are applied and as an editor is changing them.

    `words` are kept whole by the segmentation; each entry of `synonyms` is a list of terms that mean the same. A
    `draft` {"words", "synonyms"} is compared on the library's question sets (`report`) before it is applied, and
    applying it indexes the library's chunks again, `progress_done` of `progress_total`.
    """

    class State(models.TextChoices):
        APPLIED = "applied", _("Applied")
        COMPARING = "comparing", _("Being compared")
        APPLYING = "applying", _("Being applied")

    library = models.OneToOneField(Library, on_delete=models.CASCADE, primary_key=True, related_name="lexicon")
    words = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    synonyms = models.JSONField(default=list, blank=True)  # [["退货", "退款", "return"], …]
    digest = models.CharField(max_length=64, blank=True)  # of what is applied; "" for nothing
    draft = models.JSONField(null=True, blank=True)
    # {"words", "synonyms", "touched"} on its way to be applied; passages with a touched word are indexed again
    target = models.JSONField(null=True, blank=True)
    former = models.JSONField(null=True, blank=True)  # what was applied before, to go back to
    cursor = models.UUIDField(null=True, blank=True)  # the last document that is indexed by the target
    report = models.JSONField(default=dict, blank=True)  # what the draft changes on the question sets
    state = models.CharField(max_length=10, choices=State, default=State.APPLIED)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    updated_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.library_id}: {len(self.words)} words"

    library_id: UUID


class CuratedAnswer(Record):
    """An answer that an editor wrote once: close questions in its library get it at once, as its own source.

    Its wordings (question and variants) are compared by their vectors, which a worker makes; until then no question
    meets it.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    library = models.ForeignKey(Library, on_delete=models.CASCADE, related_name="curated_answers")
    question = models.CharField(max_length=1000)
    variants = ArrayField(models.CharField(max_length=1000), default=list, blank=True)  # other ways to ask it
    answer = models.TextField()  # markdown
    is_enabled = models.BooleanField(default=True)
    hit_count = models.PositiveIntegerField(default=0)
    last_hit_at = models.DateTimeField(null=True, blank=True)
    source_message = models.UUIDField(null=True, blank=True)  # the chat's answer it was made from
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    updated_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-updated_at"]
        indexes = [models.Index(fields=["library", "-updated_at"], name="curated_of_library")]

    def __str__(self) -> str:
        return self.question

    library_id: UUID
    created_by_id: UUID | None
    updated_by_id: UUID | None

    @property
    def wordings(self) -> list[str]:
        """Return the question and its variants, each once."""
        return list(dict.fromkeys([self.question, *self.variants]))


class CuratedVector(models.Model):
    """The vector of one wording of a curated answer by one model; a wording that is no longer there is not met."""

    id: int
    curated = models.ForeignKey(CuratedAnswer, on_delete=models.CASCADE, related_name="vectors")
    model = models.ForeignKey(AIModel, on_delete=models.CASCADE, related_name="+")
    wording = models.CharField(max_length=1000)
    digest = models.CharField(max_length=64)  # of the wording: an index cannot hold one of 1000 characters
    vector = VectorField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["curated", "model", "digest"], name="one_vector_per_wording")]

    def __str__(self) -> str:
        return self.wording


class AskedQuestion(Record):
    """One question that was searched for: by a chat, a retrieval test or an API call. Kept for `question_days`."""

    class Source(models.TextChoices):
        CHAT = "chat", _("Chat")
        TEST = "test", _("Retrieval test")
        API = "api", _("API")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    library_ids = ArrayField(models.UUIDField(), default=list)  # that were searched
    nearest_library_id = models.UUIDField(null=True, blank=True)  # of the best passage: whose gap it is, if it is one
    source = models.CharField(max_length=10, choices=Source)
    question = models.CharField(max_length=4000)
    searched = models.CharField(max_length=4000, blank=True)  # the rewritten question, where it differs
    language = models.CharField(max_length=5, blank=True)
    support = models.FloatField(default=0.0)  # of the question by what was found, 0..1
    is_refusal = models.BooleanField(default=False)
    is_weak = models.BooleanField(default=False)  # answered with a weak sentence
    vote = models.SmallIntegerField(default=0)  # -1, 0, +1
    message_id = models.UUIDField(null=True, blank=True, unique=True)  # the chat's answer
    curated = models.ForeignKey(CuratedAnswer, null=True, on_delete=models.SET_NULL, related_name="hits")
    options = models.JSONField(default=dict, blank=True)  # how a test searched
    results = models.JSONField(default=list, blank=True)  # of a test: what was found, as it was shown
    milliseconds = models.FloatField(default=0.0)
    vector = VectorField(null=True)  # of the searched question, by the model that searched; for clustering
    model = models.ForeignKey(AIModel, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["team", "-created_at"], name="asked_of_team"),
            GinIndex(fields=["library_ids"], name="asked_of_library"),
        ]

    def __str__(self) -> str:
        return self.question
