"""Folders: labels on documents that make a tree. A folder exists as long as a document is in it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Value
from django.db.models.functions import Concat, Left, Substr

from apps.audit import services as audit
from apps.core.errors import Forbidden
from apps.core.text import one_line
from apps.libraries import sharing
from apps.libraries.errors import FolderHasRights, WiderPlace
from apps.libraries.filters import in_folder
from apps.libraries.models import Document, Level, Library, Place
from apps.libraries.rights import Rights, place_of_folder, rights_in
from apps.users.models import Role, User

FOLDER_MAX = 1_000  # characters, as in Document.folder
DEPTH_MAX = 20
SHOWN_MAX = 300  # nodes of the tree


@dataclass(frozen=True, slots=True)
class Node:
    """A folder of the tree: `count` includes what is below it."""

    path: str
    name: str
    depth: int  # from 0
    count: int
    is_current: bool
    is_open: bool  # its children follow
    has_children: bool


def clean_folder(folder: str) -> str:
    """Return a folder as it is stored: parts without control characters and dots, at most FOLDER_MAX characters."""
    parts = [one_line(part) for part in folder.replace("\\", "/").split("/")]
    kept = [part for part in parts if part.strip(". ")]
    return "/".join(kept[:DEPTH_MAX])[:FOLDER_MAX].rstrip("/ ")


def tree(documents: "QuerySet[Document]", current: str) -> list[Node]:
    """Return the visible part of the tree: the first level, and the children on the way to the current folder."""
    rows = documents.exclude(folder="").order_by().values_list("folder").annotate(n=Count("pk"))
    return list(_nodes(Counter(dict(rows)), current))[:SHOWN_MAX]


def paths(documents: "QuerySet[Document]") -> list[str]:
    """Return the folders that documents are in, for suggestions."""
    return list(documents.exclude(folder="").order_by("folder").values_list("folder", flat=True).distinct()[:SHOWN_MAX])


def _nodes(counts: "Counter[str]", current: str) -> Iterable[Node]:
    totals: Counter[str] = Counter()
    for path, count in counts.items():
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            totals["/".join(parts[:depth])] += count
    open_ = {"/".join(current.split("/")[:depth]) for depth in range(1, current.count("/") + 2)} if current else set()
    parents = {path.rpartition("/")[0] for path in totals}
    for path in sorted(totals, key=lambda each: each.casefold().split("/")):
        parent, _slash, name = path.rpartition("/")
        if not parent or parent in open_:
            yield Node(
                path, name, path.count("/"), totals[path], path == current, path in open_, has_children=path in parents
            )


def check_move(user: User, library: Library, documents: "QuerySet[Document]", folder: str) -> None:
    """Raise unless the person may put these documents into a folder.

    Forbidden: they may not write there. WiderPlace: a document would leave the restricted place that hides it, which
    only those may do who manage that place.
    """
    target = place_of_folder(library.pk, folder)
    rights = rights_in(user, [library.pk])
    level = rights.level(library.pk, target.pk if target else None)
    if level is None or not level.role.covers(Role.EDITOR):
        raise Forbidden
    stays = Q(place=None) | Q(place__is_open=True) | Q(place__document__isnull=False, place__is_restricted=True)
    within = Q(place__in=target.counts) if target else Q(pk__in=())
    leaving = Place.objects.filter(documents__in=documents.exclude(stays | within)).distinct()
    if any(held.pk not in _managed(rights) for held in leaving):
        raise WiderPlace


def _managed(rights: Rights) -> set[UUID]:
    return {place for place, right in rights.places.items() if right.level == Level.MANAGE}


def rename_folder(*, user: User, library: Library, folder: str, to: str) -> int:
    """Give a folder another place, with all below it and the rights it has; returns how many documents moved.

    Raises as `check_move` does, Forbidden for documents in it that the person may not write, FolderHasRights where
    both have rights of their own, and SameFileThere.
    """
    before, after = clean_folder(folder), clean_folder(to)
    if not before or before == after:
        return 0
    with sharing.moving(library.pk):
        inside = Document.objects.filter(in_folder(before), library=library, deleted_at=None)
        _check_rename(user, library, inside, before, after)
        sharing.move_places(library.pk, before, after)
        rest = Substr("folder", len(before) + 1)  # "" or "/…"
        path = Left(Concat(Value(after), rest), FOLDER_MAX) if after else _without_slash(len(before))
        moved = inside.update(folder=path)
        sharing.settle_moved(library.pk)
        detail: dict[str, str | int] = {"from": before, "to": after, "documents": moved}
        audit.record("folder.renamed", actor=user, team=library.team, target=library, detail=detail)
        return moved


def _check_rename(user: User, library: Library, inside: "QuerySet[Document]", before: str, after: str) -> None:
    if inside.exclude(pk__in=Document.objects.allowing(user, Level.WRITE).values("pk")).exists():
        raise Forbidden
    check_move(user, library, inside, after)
    here, there = (Place.objects.filter(library=library, document=None, folder=each) for each in (before, after))
    if (after and there.exists() and here.exists()) or (not after and here.exists()):
        raise FolderHasRights


def _without_slash(length: int) -> Substr:
    return Substr(F("folder"), length + 2)  # what stood at the top loses its folder
