"""The registry of models."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.models import Job, Record
from apps.users.models import Group, Team, User


class AIModel(Record):
    """A model that can be run: what it is, where its files lie, what it can do."""

    class Kind(models.TextChoices):
        CHAT = "chat", _("Chat")
        EMBEDDING = "embedding", _("Embedding")
        RERANK = "rerank", _("Rerank")
        IMAGE = "image", _("Image")
        ADAPTER = "adapter", _("Image adapter")
        SPEECH = "speech", _("Speech")
        TRANSCRIPTION = "transcription", _("Transcription")

    class Adapter(models.TextChoices):
        LORA = "lora", "LoRA"
        TEXTUAL_INVERSION = "textual_inversion", _("Learnt word")
        CONTROLNET = "controlnet", "ControlNet"
        IP_ADAPTER = "ip_adapter", "IP-Adapter"
        UPSCALER = "upscaler", _("Upscaler")

    class State(models.TextChoices):
        MISSING = "missing", _("Missing")
        READY = "ready", _("Ready")
        BROKEN = "broken", _("Broken")

    class Source(models.TextChoices):
        PACKAGE = "package", _("Comes with the product")
        FILE = "file", _("From the models folder")
        HUB = "hub", _("From a hub")
        ENDPOINT = "endpoint", _("A service")

    name = models.SlugField(max_length=80, unique=True)  # stable; what settings and commands name
    title = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=Kind)
    adapter = models.CharField(max_length=20, choices=Adapter, blank=True, db_default="")  # of the kind ADAPTER
    token = models.CharField(max_length=40, blank=True, db_default="")  # the word in prompts, of a learnt word
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
    source = models.CharField(max_length=10, choices=Source, default=Source.PACKAGE, db_default="package")
    hub_id = models.CharField(max_length=200, blank=True, db_default="")  # "owner/name" and perhaps "@revision"
    base_url = models.URLField(max_length=500, blank=True, db_default="")  # of an OpenAI-compatible service
    remote_name = models.CharField(max_length=200, blank=True, db_default="")  # what the service calls the model
    credential = models.TextField(blank=True, db_default="")  # encrypted by core.crypto; never echoed
    card = models.TextField(blank=True, db_default="")  # markdown
    memory_bytes = models.BigIntegerField(default=0, db_default=0)  # needed when loaded, measured or estimated
    capabilities = models.JSONField(default=dict, blank=True, db_default={})  # {"vision": true, "tools": false, …}
    benchmark = models.JSONField(default=dict, blank=True, db_default={})  # the last: {"first_token_ms": …, "at": …}
    keep_alive_s = models.PositiveIntegerField(null=True, blank=True)  # idle time until unloaded; None: the setting's
    is_enabled = models.BooleanField(default=True, db_default=True)  # switched off: nobody may choose it
    is_open = models.BooleanField(default=True, db_default=True)  # every team may use it; else those of ModelAccess

    class Meta:
        ordering = ["kind", "title"]
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=models.Q(is_default=True), name="one_default_per_kind"),
        ]

    def __str__(self) -> str:
        return self.title


class ModelAccess(Record):
    """Who may use a model that is not open to all: a team, or one group of a team."""

    model = models.ForeignKey(AIModel, on_delete=models.CASCADE, related_name="accesses")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model", "team", "group"], nulls_distinct=False, name="model_access_unique")
        ]

    def __str__(self) -> str:
        return f"{self.team} may use {self.model}"


class TeamDefault(Record):
    """The model of a kind that a team uses unless somebody chooses another; embedding has one for all."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=AIModel.Kind)
    model = models.ForeignKey(AIModel, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "kind"], name="team_default_unique")]

    def __str__(self) -> str:
        return f"{self.team}: {self.model}"


class ModelJob(Job):
    """Work on a model that takes a while: fetching, importing, checking, measuring, loading. Leased like any job."""

    class Kind(models.TextChoices):
        FETCH = "fetch", _("Download")
        IMPORT = "import", _("Import")
        TEST = "test", _("Test")
        BENCHMARK = "benchmark", _("Benchmark")
        LOAD = "load", _("Load")
        UNLOAD = "unload", _("Unload")

    model = models.ForeignKey(AIModel, null=True, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=10, choices=Kind)
    options = models.JSONField(default=dict, blank=True)
    result = models.JSONField(default=dict, blank=True)
    done = models.BigIntegerField(default=0)  # bytes or steps
    total = models.BigIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.model}: {self.state}"
