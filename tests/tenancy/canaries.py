"""One row of every kind that belongs to a team, with a canary in every text: what nobody else may ever see.

By introspection, so that a new table or column is filled, and looked for, without anybody thinking of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from django.apps import apps
from django.db import models
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.libraries.models import Document, Grant, Library, Place
from apps.users.models import Membership, Role, Team, User
from tests import factories

Row = models.Model
APPS = {"libraries", "ingestion", "chat", "evaluation", "images"}
KEPT = {  # texts that are keys, states or codes of ours and not people's words
    "content_type", "media_type", "sha256", "digest", "file", "language", "status", "state", "error_code", "timezone",
}  # fmt: skip


class Canaries:
    """The rows of one team; `word` stands in every text, followed by the table and the column."""

    def __init__(self, team: Team, owner: User, word: str) -> None:
        self.team, self.owner, self.word = team, owner, word
        self.rows: dict[type[Row], Row] = {Team: team, User: owner}
        self._known()
        for model in team_models():
            self.of(model)
        for row in self.rows.values():
            self._write(row)

    def of(self, model: type[Row]) -> Row:
        """Return the row of a kind, made with all that it needs."""
        if model not in self.rows:
            row = model(**{field.name: self._value(field) for field in model._meta.fields if _is_needed(field)})
            self.rows[model] = row
            row.save(force_insert=True)
        return self.rows[model]

    def _known(self) -> None:
        """Make the rows that must fit together."""
        self.rows[Membership] = Membership.objects.filter(team=self.team, user=self.owner).first() or (
            factories.MembershipFactory(team=self.team, user=self.owner, role=Role.OWNER)
        )
        self.rows[AIModel] = AIModel.objects.filter(kind=AIModel.Kind.EMBEDDING).first() or factories.AIModelFactory()
        library = self.rows[Library] = factories.LibraryFactory(team=self.team, created_by=self.owner)
        document = factories.DocumentFactory(
            library=library, name=f"{self.word} document.txt", content=f"{self.word} content".encode()
        )
        self.rows[Document] = document
        self.rows[type(document.current_version)] = document.current_version
        chunk = factories.ChunkFactory(document=document)
        embedding = factories.ChunkEmbeddingFactory(chunk=chunk, model=self.rows[AIModel])
        conversation = factories.ConversationFactory(team=self.team, owner=self.owner)
        conversation.libraries.add(library)
        self.rows[conversation.libraries.through] = conversation.libraries.through.objects.get(
            conversation=conversation
        )
        answer = factories.AnswerFactory(conversation=conversation)
        figure = factories.FigureFactory(version=document.current_version, content=f"{self.word} figure".encode())
        grant = Grant.objects.create(place=Place.objects.create(library=library, document=document), user=self.owner)
        job = factories.IngestionJobFactory(document=document)
        for row in (chunk, embedding, conversation, answer, figure, job, grant, grant.place):
            self.rows[type(row)] = row

    def _value(self, field: models.Field[Any, Any]) -> Any:
        if isinstance(field, models.ForeignKey):
            return self.of(cast("type[Row]", field.related_model))
        if field.choices:
            return cast("list[tuple[Any, Any]]", list(field.flatchoices))[0][0]
        if isinstance(field, models.CharField | models.TextField):
            return f"{self.word}-{field.name}"[: field.max_length]
        others = {
            "VectorField": [1.0] + [0.0] * (factories.DIMENSIONS - 1),
            "BinaryField": self.word.encode(),
            "ArrayField": ["https://canary.test/"],
            "JSONField": {},
            "DateTimeField": timezone.now(),
            "DateField": timezone.localdate(),
        }
        return others.get(field.get_internal_type(), 1)

    def _write(self, row: Row) -> None:
        """Put the word into every text of a row."""
        texts = {
            field.attname: f"{self.word} {row._meta.model_name} {field.name}"[: field.max_length]
            for field in row._meta.fields
            if _is_text(field)
        }
        if texts and not isinstance(row, User | AIModel | Team):
            type(row)._base_manager.filter(pk=row.pk).update(**texts)


def _is_needed(field: models.Field[Any, Any]) -> bool:
    if isinstance(field, models.OneToOneField) and field.primary_key:
        return True
    if field.related_model is Team:
        return True  # where a row without a team is the installation's
    return not (field.null or field.primary_key or field.has_default() or field.blank or _is_automatic(field))


def _is_automatic(field: models.Field[Any, Any]) -> bool:
    return bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))


def _is_text(field: models.Field[Any, Any]) -> bool:
    plain = isinstance(field, models.CharField | models.TextField) and not field.choices and not field.primary_key
    return plain and field.name not in KEPT and not field.unique and (field.max_length or 1_000) >= 40


def team_models() -> Iterator[type[Row]]:
    """Yield every model whose rows hang on a team or on something of it, however far below."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label in APPS and _hangs_on_team(model, set()):
            yield model


def _hangs_on_team(model: type[Row], seen: set[type[Row]]) -> bool:
    seen.add(model)
    for field in model._meta.fields:
        above = field.related_model
        if isinstance(field, models.ForeignKey) and isinstance(above, type):
            if above is Team:
                return True
            if above not in seen and above not in {User, AIModel} and _hangs_on_team(above, seen):
                return True
    return False
