"""The typed fields that a library defines for its documents, and their values.

A field's key is made by us and never changes; people see its label. Values are stored as JSON under the key: text and
choices as strings, numbers as numbers, dates as ISO strings (so that they compare as text).
"""

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal, cast, get_args

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.audit import services as audit
from apps.core.text import one_line
from apps.libraries.errors import FieldsInvalid, ValueInvalid
from apps.libraries.models import Document, Library
from apps.users.models import User

FieldType = Literal["text", "number", "date", "choice"]
Value = str | int | float
FIELDS_MAX = 20
LABEL_MAX = 60
CHOICES_MAX = 50
TEXT_MAX = 500  # characters of a value
NUMBER_MAX = 1e15  # beyond it a JSON number loses whole units
TYPE_NAMES: dict[FieldType, Promise] = {
    "text": _("Text"),
    "number": _("Number"),
    "date": _("Date"),
    "choice": _("Choice"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `choices` only where the type is choice."""

    key: str
    label: str
    type: FieldType = "text"
    choices: tuple[str, ...] = ()

    @property
    def type_name(self) -> str:
        """Return the type as people read it."""
        return str(TYPE_NAMES[self.type])


@dataclass(frozen=True, slots=True)
class FieldInput:
    """A field as a form sends it; an empty `key` is a new field, an empty `label` removes it."""

    key: str
    label: str
    type: str
    choices: str  # separated by commas or lines


def fields_of(library: Library) -> tuple[Field, ...]:
    """Return the library's fields in their order."""
    return tuple(
        Field(row["key"], row["label"], row["type"], tuple(row.get("choices", ()))) for row in library.metadata_fields
    )


def parse(field: Field, raw: str) -> Value | None:
    """Return the value that a person typed, None for nothing. Raises ValueInvalid."""
    text = one_line(raw)
    if not text:
        return None
    if field.type == "number":
        return _number(field, text)
    if field.type == "date":
        return _date(field, text)
    if (field.type == "choice" and text not in field.choices) or len(text) > TEXT_MAX:
        raise ValueInvalid(field=field.label)
    return text


def _number(field: Field, text: str) -> int | float:
    try:
        number = float(text.replace("\u00a0", "").replace(" ", ""))
    except ValueError as error:
        raise ValueInvalid(field=field.label) from error
    if not math.isfinite(number) or abs(number) > NUMBER_MAX:
        raise ValueInvalid(field=field.label)
    return int(number) if number.is_integer() else number


def _date(field: Field, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueInvalid(field=field.label) from error


def parse_all(fields: Sequence[Field], raw: Mapping[str, str]) -> dict[str, Value | None]:
    """Return the values of those fields that `raw` names by key. Raises ValueInvalid."""
    return {field.key: parse(field, raw[field.key]) for field in fields if field.key in raw}


@transaction.atomic
def save_fields(*, user: User, library: Library, inputs: Sequence[FieldInput]) -> tuple[Field, ...]:
    """Make these the library's fields. A removed field's values go from all documents. Raises FieldsInvalid.

    A field keeps its type: the stored values would not fit another one.
    """
    before = {field.key: field for field in fields_of(Library.objects.select_for_update().get(pk=library.pk))}
    fields = tuple(_field(each, before.get(each.key)) for each in inputs if one_line(each.label))
    labels = [field.label.casefold() for field in fields]
    if len(fields) > FIELDS_MAX or len(set(labels)) < len(labels):
        raise FieldsInvalid(limit=FIELDS_MAX)
    library.metadata_fields = [_row(field) for field in fields]
    library.save(update_fields=["metadata_fields", "updated_at"])
    for gone in before.keys() - {field.key for field in fields}:
        _forget(library, gone)
    names = ", ".join(field.label for field in fields)
    audit.record("library.fields", actor=user, team=library.team, target=library, detail={"fields": names})
    return fields


def _field(given: FieldInput, before: Field | None) -> Field:
    label = one_line(given.label)[:LABEL_MAX]
    kind = before.type if before else given.type
    if kind not in get_args(FieldType):
        raise FieldsInvalid(limit=FIELDS_MAX)
    choices = tuple(dict.fromkeys(filter(None, map(one_line, given.choices.replace("\n", ",").split(",")))))
    if kind == "choice" and not 0 < len(choices) <= CHOICES_MAX:
        raise FieldsInvalid(limit=FIELDS_MAX)
    key = before.key if before else f"f{secrets.token_hex(4)}"
    return Field(key, label, cast("FieldType", kind), choices if kind == "choice" else ())


def _row(field: Field) -> dict[str, object]:
    return asdict(field) | {"choices": list(field.choices)}


def _forget(library: Library, key: str) -> None:
    holders = Document.objects.filter(library=library, metadata__has_key=key)
    for document in holders.only("pk", "metadata").iterator():
        document.metadata.pop(key, None)
        Document.objects.filter(pk=document.pk).update(metadata=document.metadata)
