"""Conversations, their messages and the citations of answers."""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import AIModel
from apps.core.models import Record
from apps.libraries.models import Chunk, Document, DocumentVersion, Library
from apps.users.access import memberships_of
from apps.users.models import Team, User


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Sets of conversations."""

    def owned_by(self, user: User) -> ConversationQuerySet:
        """Return the person's own conversations in teams they are still a member of, deleted ones too."""
        return self.filter(owner=user, team__in=memberships_of(user).values("team"))

    def readable_by(self, user: User) -> ConversationQuerySet:
        """Return those that were not deleted."""
        return self.owned_by(user).filter(deleted_at=None)


class Conversation(Record):
    """A private talk of one person, over some libraries of one team."""

    class Mode(models.TextChoices):
        AUTO = "auto", _("Automatic")
        GENERATE = "generate", _("Written answer")
        QUOTE = "quote", _("Quotes only")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="conversations")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(max_length=200, blank=True)
    libraries = models.ManyToManyField(Library, blank=True, related_name="+")  # none: all readable ones
    model = models.ForeignKey(AIModel, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.AUTO)
    is_strict = models.BooleanField(default=False)  # unsupported sentences are removed, weak answers refused
    last_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-last_at"]
        indexes = [models.Index(fields=["owner", "team", "-last_at"], name="conversation_rail")]

    def __str__(self) -> str:
        return self.title or str(self.pk)


class Message(Record):
    """A question or an answer. Answers to the same question are siblings: `parent` is the question."""

    class Role(models.TextChoices):
        USER = "user", _("Question")
        ASSISTANT = "assistant", _("Answer")

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        RUNNING = "running", _("Answering")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")
        INTERRUPTED = "interrupted", _("Interrupted")

    LIVE = (State.PENDING, State.RUNNING)

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    role = models.CharField(max_length=10, choices=Role)
    text = models.TextField(blank=True)  # markdown; of an answer: as far as it was flushed
    state = models.CharField(max_length=12, choices=State, default=State.DONE)
    mode = models.CharField(max_length=10, blank=True)  # what was really used: generate or quote
    model = models.ForeignKey(AIModel, null=True, on_delete=models.SET_NULL, related_name="+")
    library_ids = ArrayField(models.UUIDField(), default=list)  # what the gate allowed when it was asked
    steps = models.JSONField(default=dict, blank=True)  # condensed question, counts, seconds: the steps line
    sentences = models.JSONField(default=list, blank=True)  # of an answer: rag.types.Sentence as JSON, in order
    curated_id = models.UUIDField(null=True, blank=True)  # libraries.CuratedAnswer that was given
    skips_curated = models.BooleanField(default=False)  # the asker wanted a search instead of an editor's answer
    corrected = models.CharField(max_length=4000, blank=True)  # what to search for instead, as the asker wrote it
    is_refusal = models.BooleanField(default=False)
    error_code = models.CharField(max_length=60, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    reservation = models.UUIDField(null=True, blank=True)  # metering.Reservation
    # What the params of QuotaExceeded say of the limit that had a smaller model answer; empty: none did.
    limit_passed = models.JSONField(default=dict, blank=True, db_default={})
    stop_requested = models.BooleanField(default=False)
    lease_until = models.DateTimeField(
        null=True, blank=True
    )  # running: its worker's heartbeat; pending: ring again then
    attempt = models.PositiveIntegerField(default=0)
    flushed_seq = models.PositiveIntegerField(default=0)  # the event up to which `text` holds the answer

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["state", "lease_until"], name="message_due")]

    def __str__(self) -> str:
        return f"{self.role}: {self.text[:40]}"

    @property
    def is_live(self) -> bool:
        """Return whether an answer is still being made."""
        return self.state in self.LIVE


class Citation(Record):
    """A citation of an answer, with a copy of what it pointed to: it outlives the chunk and the document."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="citations")
    number = models.PositiveIntegerField()
    chunk = models.ForeignKey(Chunk, null=True, on_delete=models.SET_NULL, related_name="+")
    document = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL, related_name="+")
    version = models.ForeignKey(DocumentVersion, null=True, on_delete=models.SET_NULL, related_name="+")
    document_name = models.CharField(max_length=255)
    heading_path = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    page_from = models.PositiveIntegerField(null=True)
    page_to = models.PositiveIntegerField(null=True)
    boxes = models.JSONField(default=list)
    char_from = models.PositiveIntegerField(default=0)
    char_to = models.PositiveIntegerField(default=0)
    passage = models.TextField()  # the chunk's text
    quote = models.TextField(blank=True)  # the words the answer leans on
    support = models.FloatField(null=True)  # 0..1, how well the quote bears out the sentences that cite it
    curated_id = models.UUIDField(null=True, blank=True)  # libraries.CuratedAnswer, in place of a passage

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="citation_number_unique")]

    def __str__(self) -> str:
        return f"[{self.number}] {self.document_name}"

    @property
    def is_replaced(self) -> bool:
        """Return whether the document has another version now than the one that was cited."""
        document = self.document
        return bool(document and self.version_id and document.current_version_id != self.version_id)

    @property
    def is_changed(self) -> bool:
        """Return whether the cited passage is not in the document any more as it was.

        A chunk whose text a new version repeats keeps its row, so a citation that still has its chunk is as good as
        new unless a person edited the chunk since.
        """
        if self.chunk is not None:
            return self.chunk.is_edited and self.chunk.text != self.passage
        return self.is_replaced

    version_id: UUID | None
    document_id: UUID | None


class AnswerTrace(models.Model):
    """How an answer was made: each stage with its inputs, outputs and milliseconds (rag.types.Stage as JSON)."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, primary_key=True, related_name="trace")
    stages = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.message_id}"

    message_id: UUID


class Feedback(Record):
    """What the asker thinks of an answer: one vote, changed in place."""

    class Reason(models.TextChoices):
        WRONG = "wrong", _("Not right")
        INCOMPLETE = "incomplete", _("Not complete")
        SOURCE = "source", _("The sources do not say so")
        NOT_FOUND = "not-found", _("It is in my documents, but was not found")
        OUTDATED = "outdated", _("Out of date")
        OTHER = "other", _("Something else")

    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="feedback")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    vote = models.SmallIntegerField()  # -1 or +1
    reasons = ArrayField(models.CharField(max_length=20, choices=Reason), default=list, blank=True)
    comment = models.CharField(max_length=2000, blank=True)

    def __str__(self) -> str:
        return f"{self.vote:+d}"


class ChatOpening(Record):
    """Break-glass: an administrator's wish to read somebody's conversation, which a second one must allow.

    Its owner is told when it is opened; asking, allowing, refusing and each reading are in the audit log.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("Waiting for a second administrator")
        OPEN = "open", _("Open")
        REFUSED = "refused", _("Refused")
        ENDED = "ended", _("Ended")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="openings")
    reason = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    asked_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)  # of an open one
    told_at = models.DateTimeField(null=True, blank=True)  # when its owner saw the notice

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.asked_by}: {self.state}"
