"""What people change about documents, one or many: name, folder, tags, fields, owner, validity, whether it is searched.

Each change of many is one statement and one audit event. The documents were selected through the gates before.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection, transaction
from django.db.models import CharField, F, Func, QuerySet, Value
from django.utils import timezone

from apps.audit import services as audit
from apps.core.text import one_line
from apps.libraries import sharing
from apps.libraries.errors import DocumentNameMissing, OwnerInvalid, TagInvalid, ValidityInvalid
from apps.libraries.folders import check_move, clean_folder
from apps.libraries.metadata import Value as FieldValue
from apps.libraries.models import Document, Library
from apps.users.models import Membership, User

NAME_MAX = 255
TAG_MAX = 50  # characters, as in Document.tags
TAGS_MAX = 30  # on one document
Documents = QuerySet[Document]

_SET_FIELDS = """
UPDATE libraries_document SET metadata = (metadata - %s::text[]) || %s::jsonb, updated_at = now() WHERE id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Validity:
    """The days on which a document may be cited, both included; None is open."""

    valid_from: date | None = None
    valid_until: date | None = None

    def __post_init__(self) -> None:
        """Refuse an end before the beginning."""
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValidityInvalid


def clean_tag(text: str) -> str:
    """Return a tag as it is stored. Raises TagInvalid."""
    tag = one_line(text)
    if not tag or len(tag) > TAG_MAX or "," in tag:
        raise TagInvalid(limit=TAG_MAX, most=TAGS_MAX)
    return tag


def clean_tags(text: str) -> list[str]:
    """Return the tags of a text with commas, each once. Raises TagInvalid."""
    tags = list(dict.fromkeys(clean_tag(part) for part in text.replace("，", ",").split(",") if part.strip()))
    if len(tags) > TAGS_MAX:
        raise TagInvalid(limit=TAG_MAX, most=TAGS_MAX)
    return tags


@transaction.atomic
def rename_document(*, user: User, document: Document, name: str) -> bool:
    """Give a document another name; returns whether it changed. Raises DocumentNameMissing."""
    text, before = one_line(name.replace("/", " ").replace("\\", " ")), document.name
    if not text or len(text) > NAME_MAX:
        raise DocumentNameMissing
    if text == before:
        return False
    document.name = text
    document.save(update_fields=["name", "updated_at"])
    detail = {"from": before, "to": text}
    audit.record("document.renamed", actor=user, team=document.library.team, target=document, detail=detail)
    return True


def move(*, user: User, library: Library, documents: Documents, folder: str) -> int:
    """Put documents into a folder; "" is the top. Returns how many there were.

    Raises Forbidden without the right to write there, WiderPlace for what a restricted place would lose, and
    SameFileThere.
    """
    place = clean_folder(folder)
    with sharing.moving(library.pk):
        check_move(user, library, documents, place)
        moved = _update(user, library, documents, "documents.moved", {"folder": place}, folder=place)
        sharing.settle_moved(library.pk)
        return moved


def set_enabled(*, user: User, library: Library, documents: Documents, is_enabled: bool) -> int:
    """Let documents be searched, or not."""
    action = "documents.enabled" if is_enabled else "documents.disabled"
    return _update(user, library, documents, action, {}, is_enabled=is_enabled)


def add_tags(*, user: User, library: Library, documents: Documents, tags: Sequence[str]) -> int:
    """Add tags to documents; those that have them keep them once."""
    wanted = [clean_tag(tag) for tag in tags]
    changed = 0
    with transaction.atomic():
        for tag in wanted:
            without = documents.exclude(tags__contains=[tag])
            full = without.filter(tags__len__gte=TAGS_MAX).exists()
            if full:
                raise TagInvalid(limit=TAG_MAX, most=TAGS_MAX)
            changed = max(changed, without.update(tags=_appended(tag), updated_at=timezone.now()))
        if changed:
            _record(user, library, "documents.tagged", {"tags": ", ".join(wanted), "documents": changed})
    return documents.count()


def remove_tag(*, user: User, library: Library, documents: Documents, tag: str) -> int:
    """Take a tag off documents; returns from how many."""
    holders = documents.filter(tags__contains=[tag])
    removed = Func(F("tags"), Value(tag, CharField()), function="array_remove", output_field=_tags_field())
    return _update(user, library, holders, "documents.untagged", {"tag": tag}, tags=removed)


def set_owner(*, user: User, library: Library, documents: Documents, owner_id: UUID | None) -> int:
    """Make a member the owner, or nobody. Raises OwnerInvalid."""
    if owner_id and not Membership.objects.live().filter(team=library.team_id, user=owner_id).exists():
        raise OwnerInvalid
    detail = {"owner": str(owner_id or "")}
    return _update(user, library, documents, "documents.owned", detail, owner=owner_id, reminded_at=None)


def set_validity(*, user: User, library: Library, documents: Documents, validity: Validity) -> int:
    """Set the days on which documents may be cited; their owners are reminded anew."""
    first, last = validity.valid_from, validity.valid_until
    detail = {"from": str(first or ""), "until": str(last or "")}
    return _update(
        user, library, documents, "documents.validity", detail, valid_from=first, valid_until=last, reminded_at=None
    )


def set_fields(*, user: User, library: Library, documents: Documents, values: Mapping[str, FieldValue | None]) -> int:
    """Set metadata values by key (None removes one); returns how many documents there were."""
    ids = list(documents.values_list("pk", flat=True))
    kept = {key: value for key, value in values.items() if value is not None}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_SET_FIELDS, [list(values), json.dumps(kept), ids])
        _record(user, library, "documents.described", {"fields": ", ".join(values), "documents": len(ids)})
    return len(ids)


@transaction.atomic
def _update(
    user: User, library: Library, documents: Documents, action: str, detail: Mapping[str, str], **values: object
) -> int:
    count = documents.order_by().update(updated_at=timezone.now(), **values)
    if count:
        _record(user, library, action, {**detail, "documents": count})
    return count


def _record(user: User, library: Library, action: str, detail: Mapping[str, str | int]) -> None:
    audit.record(action, actor=user, team=library.team, target=library, detail=detail)


def _tags_field() -> "ArrayField[list[str], list[str]]":  # quoted: Django's is no generic at run time
    return ArrayField(CharField(max_length=TAG_MAX))


def _appended(tag: str) -> Func:
    return Func(F("tags"), Value(tag, CharField()), function="array_append", output_field=_tags_field())


@transaction.atomic
def set_tags(*, user: User, document: Document, tags: Sequence[str]) -> None:
    """Make these the document's tags."""
    document.tags = [clean_tag(tag) for tag in tags]
    document.save(update_fields=["tags", "updated_at"])
    detail = {"tags": ", ".join(document.tags)}
    audit.record("document.tagged", actor=user, team=document.library.team, target=document, detail=detail)
