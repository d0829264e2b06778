"""Folders: labels on documents that make a tree. A folder exists as long as a document is in it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, F, QuerySet, Value
from django.db.models.functions import Concat, Left, Substr

from apps.audit import services as audit
from apps.core.text import one_line
from apps.libraries.filters import in_folder
from apps.libraries.models import Document, Library
from apps.users.models import User

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


@transaction.atomic
def rename_folder(*, user: User, library: Library, folder: str, to: str) -> int:
    """Give a folder another place, with all below it; returns how many documents moved."""
    before, after = clean_folder(folder), clean_folder(to)
    if not before or before == after:
        return 0
    inside = Document.objects.filter(in_folder(before), library=library, deleted_at=None)
    rest = Substr("folder", len(before) + 1)  # "" or "/…"
    moved = inside.update(folder=Left(Concat(Value(after), rest), FOLDER_MAX) if after else _without_slash(len(before)))
    detail: dict[str, str | int] = {"from": before, "to": after, "documents": moved}
    audit.record("folder.renamed", actor=user, team=library.team, target=library, detail=detail)
    return moved


def _without_slash(length: int) -> Substr:
    return Substr(F("folder"), length + 2)  # what stood at the top loses its folder
