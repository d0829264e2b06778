"""The versions of a document: who, when, why; what changed from one to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.core.errors import NotFound
from apps.core.text import uuid_or_none
from apps.libraries.access import access_document
from apps.libraries.diffs import Change, diff
from apps.libraries.models import Document, DocumentVersion
from apps.libraries.views.shared import rights_of
from apps.users.requests import PersonRequest

CHANGES_MAX = 500  # shown; a longer comparison says what it leaves out


@dataclass(frozen=True, slots=True)
class Stretch:
    """A change to show, or a run of passages that stayed the same and are only counted."""

    change: Change | None
    same: int = 0


@login_required
@require_safe
def versions_page(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Show all versions, the latest first."""
    document = access_document(request.user, document_id)
    versions = list(document.versions.select_related("created_by").order_by("-number"))
    rows = [(version, _before(versions, place)) for place, version in enumerate(versions)]
    context = _context(request, document) | {"rows": rows, "latest": versions[0] if versions else None}
    return render(request, "libraries/versions.html", context)


def _before(versions: Sequence[DocumentVersion], place: int) -> DocumentVersion | None:
    """Return the version before this one that was read, to compare with."""
    return next((version for version in versions[place + 1 :] if version.blocks), None)


@login_required
@require_safe
def compare_page(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Show what changed between two versions: `?from=` and `?to=` name them, else the last two that were read."""
    document = access_document(request.user, document_id)
    versions = list(document.versions.select_related("created_by").order_by("-number"))
    new = _named(versions, request.GET.get("to", "")) or document.current_version
    older = [version for version in versions if new is not None and version.number < new.number and version.blocks]
    old = _named(versions, request.GET.get("from", "")) or (older[0] if older else None)
    if old is None or new is None:
        raise NotFound
    found = diff(old, new)
    stretches = _stretches(found.changes)
    context = _context(request, document) | {
        "old": old,
        "new": new,
        "versions": versions,
        "counts": found.counts,
        "is_known": found.is_known,
        "stretches": stretches[:CHANGES_MAX],
        "left_out": max(0, len(stretches) - CHANGES_MAX),
    }
    return render(request, "libraries/compare.html", context)


def _stretches(changes: Sequence[Change]) -> list[Stretch]:
    """Return the changes with what stayed the same between them folded into counts."""
    stretches: list[Stretch] = []
    same = 0
    for change in changes:
        if change.kind == "same":
            same += 1
            continue
        if same:
            stretches.append(Stretch(None, same))
            same = 0
        stretches.append(Stretch(change))
    return [*stretches, Stretch(None, same)] if same else stretches


def _named(versions: Sequence[DocumentVersion], value: str) -> DocumentVersion | None:
    """Return the version with this id, None where none is named. Raises NotFound for another document's."""
    if not value:
        return None
    wanted = uuid_or_none(value)
    found = next((version for version in versions if version.pk == wanted), None)
    if found is None:
        raise NotFound
    return found


def _context(request: PersonRequest, document: Document) -> dict[str, object]:
    return rights_of(request, document) | {"document": document, "library": document.library}
