"""The registry of models."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.models import Record


class AIModel(Record):
    """A model that can be run: what it is, where its files lie, what it can do."""

    class Kind(models.TextChoices):
        CHAT = "chat", _("Chat")
        EMBEDDING = "embedding", _("Embedding")
        RERANK = "rerank", _("Rerank")
        IMAGE = "image", _("Image")
        SPEECH = "speech", _("Speech")
        TRANSCRIPTION = "transcription", _("Transcription")

    class State(models.TextChoices):
        MISSING = "missing", _("Missing")
        READY = "ready", _("Ready")
        BROKEN = "broken", _("Broken")

    name = models.SlugField(max_length=80, unique=True)  # stable; what settings and commands name
    title = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=Kind)
    runtime = models.CharField(max_length=40)  # sentence_transformers, llama_cpp, fake
    path = models.CharField(max_length=300, blank=True)  # below var/models
    sha256 = models.CharField(max_length=64, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    licence = models.CharField(max_length=80, blank=True)
    languages = models.CharField(max_length=200, blank=True)  # "en zh …"; empty: any
    dimensions = models.PositiveIntegerField(null=True, blank=True)  # of an embedding model
    max_tokens = models.PositiveIntegerField(default=512)  # input limit of an embedding, context of a chat model
    is_instruct = models.BooleanField(default=True)  # has a chat template; a base model gets a completion prompt
    is_default = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.MISSING)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["kind", "title"]
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=models.Q(is_default=True), name="one_default_per_kind"),
        ]

    def __str__(self) -> str:
        return self.title
