"""Makes a row of every kind that belongs to a team, by looking at the models: a new table needs no word here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from pgvector.django import VectorField

from apps.users.models import Team

Row = models.Model


def kinds() -> list[type[Row]]:
    """Return every model whose rows fall with a team, a model after those that it refers to."""
    found: list[type[Row]] = [Team]
    for model in found:
        for relation in model._meta.get_fields(include_hidden=True):
            other = getattr(relation, "related_model", None)
            if not _falls_with(relation) or other in found or other._meta.auto_created:
                continue
            found.append(other)
    return list(_sorted(found))


def _falls_with(relation: Any) -> bool:
    is_reverse = relation.auto_created and not relation.concrete
    return is_reverse and getattr(relation, "on_delete", None) is models.CASCADE


def _sorted(wanted: list[type[Row]]) -> Iterator[type[Row]]:
    done: set[type[Row]] = set()
    while left := [model for model in wanted if model not in done]:
        ready = [model for model in left if not (_needs(model) & set(left)) - {model}]
        assert ready, f"a circle of {left}"
        done.update(ready)
        yield from ready


def _needs(model: type[Row]) -> set[type[Row]]:
    return {
        cast("type[Row]", field.related_model)
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and not field.null
    }


class Filler:
    """Makes one row of each kind; `given` holds what it may refer to, `special` the fields that need care."""

    def __init__(self, canary: str, given: dict[type[Row], Row], special: dict[str, Callable[[Filler], Any]]) -> None:
        self.canary, self.given, self.special = canary, dict(given), special

    def fill(self) -> None:
        """Make a row of every kind that is not given."""
        for model in kinds():
            if model not in self.given:
                self.given[model] = self.make(model)

    def make(self, model: type[Row]) -> Row:
        """Make a row whose every text holds the canary."""
        values = {field.name: self._value(field) for field in model._meta.concrete_fields if _is_filled(field)}
        return model._default_manager.create(**values)

    def _value(self, field: models.Field[Any, Any]) -> Any:
        name = f"{field.model._meta.label}.{field.name}"
        if name in self.special:
            return self.special[name](self)
        if isinstance(field, models.ForeignKey):
            return self.given.get(cast("type[Row]", field.related_model))
        return plain(field, self.canary)


def _is_filled(field: models.Field[Any, Any]) -> bool:
    is_own_key = field.primary_key and not isinstance(field, models.OneToOneField)
    return not is_own_key and not isinstance(field, models.GeneratedField)


def plain(field: models.Field[Any, Any], canary: str) -> Any:
    """Return a value for a field that refers to nothing: the canary, where it holds text."""
    if field.choices:
        return next(iter(field.flatchoices))[0]
    if isinstance(field, ArrayField):
        return [plain(field.base_field, canary)]
    if isinstance(field, models.CharField | models.TextField):
        text = f"{canary} {uuid.uuid4()}"
        return text[: field.max_length] if field.max_length else text
    if isinstance(field, VectorField):
        return [0.5] * (field.dimensions or 384)
    return next((make(canary) for kind, make in _PLAIN if isinstance(field, kind)), None)


_PLAIN: tuple[tuple[type, Callable[[str], Any]], ...] = (
    (models.JSONField, lambda canary: {"text": canary}),
    (models.UUIDField, lambda _: uuid.uuid4()),
    (models.BooleanField, lambda _: False),
    (models.DateTimeField, lambda _: timezone.now()),
    (models.DateField, lambda _: timezone.now().date()),
    (models.DurationField, lambda _: timedelta(seconds=1)),
    (models.IntegerField, lambda _: 1),
    (models.FloatField, lambda _: 0.5),
    (models.BinaryField, lambda canary: canary.encode()),
)
