"""The comparison of a draft of words with what is applied."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import sentence_of
from apps.evaluation import wording
from apps.evaluation.tasks import compare_words
from apps.ingestion.tasks import ring
from apps.libraries.access import access_library
from apps.libraries.models import Library
from apps.libraries.word_changes import of_library
from apps.users.models import Role
from apps.users.requests import PersonRequest

ORDER = {"worse": 0, "better": 1, "moved": 2, "same": 3}


@login_required
@require_POST
def compare(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Begin to compare."""
    library = access_library(request.user, library_id, at_least=Role.EDITOR)
    token = wording.begin(library)
    ring(compare_words, str(library.pk), token)
    return _shown(request, library)


@login_required
@require_safe
def report(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Return the comparison as far as it is; asked every two seconds meanwhile."""
    return _shown(request, access_library(request.user, library_id, at_least=Role.EDITOR))


def _shown(request: PersonRequest, library: Library) -> HttpResponse:
    stored: dict[str, Any] = of_library(library).report
    progress = wording.progress_of(stored) if stored.get("state") == "running" else None
    rows = sorted(stored.get("rows", ()), key=lambda row: ORDER[row["change"]])
    context = {
        "library": library,
        "report": stored,
        "progress": progress,
        "rows": rows,
        "counts": {change: sum(row["change"] == change for row in rows) for change in ORDER},
        "metrics": [
            (name, stored["before"][name], stored["after"].get(name))
            for name in wording.METRICS
            if name in stored.get("before", {})
        ],
        "problem": sentence_of(stored["code"], {}) if stored.get("code") else "",
    }
    return render(request, "evaluation/words_report.html", context)
