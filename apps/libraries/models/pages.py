"""How the pages of a version were read, and the pictures in them."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.models import Record
from apps.libraries.models.documents import DocumentVersion


class PageReading(models.Model):
    """How well one page of a version was read."""

    class Method(models.TextChoices):
        TEXT = "text", _("Text")
        OCR = "ocr", _("Recognised")
        EMPTY = "empty", _("Empty")
        FAILED = "failed", _("Not read")

    id: int
    version = models.ForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="page_readings")
    page = models.PositiveIntegerField()  # from 1
    method = models.CharField(max_length=10, choices=Method)
    confidence = models.FloatField(null=True)  # 0..1, mean of the recognised lines by length; None where not recognised
    characters = models.PositiveIntegerField(default=0)
    rotation = models.SmallIntegerField(default=0)  # degrees clockwise by which the page had to be turned
    setting = models.JSONField(default=dict, blank=True)  # parsers.types.PageSetting that a person chose, or {}
    lines = models.JSONField(default=list, blank=True)  # recognised lines: a retry does not recognise a page again

    class Meta:
        ordering = ["page"]
        constraints = [models.UniqueConstraint(fields=["version", "page"], name="page_reading_unique")]

    def __str__(self) -> str:
        return f"{self.version_id} p. {self.page}: {self.method}"

    version_id: UUID


class Figure(Record):
    """A picture that was cut out of a version."""

    version = models.ForeignKey(DocumentVersion, on_delete=models.CASCADE, related_name="figures")
    ordinal = models.PositiveIntegerField()
    page = models.PositiveIntegerField(null=True)
    box = models.JSONField(null=True)  # [x0, y0, x1, y1], fractions of the page
    char_at = models.PositiveIntegerField(default=0)  # where in the whole text it stands
    caption = models.CharField(max_length=500, blank=True)
    file = models.FileField(upload_to="", max_length=200)  # always PNG or JPEG that we encoded ourselves
    media_type = models.CharField(max_length=30)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["version", "ordinal"], name="figure_ordinal_unique")]

    def __str__(self) -> str:
        return f"{self.version_id} figure {self.ordinal}"

    version_id: UUID
