"""The form that reads pages again with other settings."""

import re
from typing import Literal
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.request import QueryDict
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from apps.ingestion import pages
from apps.ingestion.errors import NoSuchPages
from apps.ingestion.parsers.types import PageSetting
from apps.libraries.access import access_document
from apps.libraries.views.responses import toast
from apps.users.models import Role
from apps.users.requests import PersonRequest

METHODS: dict[str, Literal["auto", "text", "ocr", "skip"]] = {
    "auto": "auto",
    "text": "text",
    "ocr": "ocr",
    "skip": "skip",
}
ROTATIONS: dict[str, Literal[0, 90, 180, 270]] = {"0": 0, "90": 90, "180": 180, "270": 270}
RESOLUTIONS = frozenset({150, 200, 300, 400})  # dots per inch
THRESHOLDS = frozenset({0.3, 0.5, 0.7, 0.9})
MAX_CHARS = 2_000
_RANGE = re.compile(r"(\d{1,6})(?:\s*[-–]\s*(\d{1,6}))?")


@login_required
@require_POST
def reread(request: PersonRequest, document_id: UUID) -> HttpResponse:
    """Read the pages that the form names again: `pages` like "3, 7-9", `method`, `rotation`, `dpi`, `threshold`."""
    document = access_document(request.user, document_id, at_least=Role.EDITOR)
    version = document.current_version or document.versions.order_by("-number").first()
    chosen = asked_pages(request.POST.get("pages", ""), version.pages if version else 0)
    setting = asked_setting(request.POST)
    pages.reread(document=document, pages=dict.fromkeys(chosen, setting), user=request.user)
    text = ngettext("%(n)s page is read again.", "%(n)s pages are read again.", len(chosen)) % {"n": len(chosen)}
    return toast(text, then="kb:document-unsettled")


def asked_pages(text: str, last: int) -> list[int]:
    """Return the page numbers in a text like "3, 7-9", those that exist. Raises NoSuchPages where there is none."""
    found: set[int] = set()
    for match in _RANGE.finditer(text[:MAX_CHARS]):
        first = int(match[1])
        found.update(range(max(1, first), min(last, int(match[2] or first)) + 1))
    if not found:
        raise NoSuchPages(pages=last)
    return sorted(found)


def asked_setting(given: QueryDict) -> PageSetting:
    """Return the form's setting; what is not on the form's own lists counts as the default."""
    dpi, threshold = given.get("dpi", ""), given.get("threshold", "")
    return PageSetting(
        method=METHODS.get(given.get("method", ""), "auto"),
        rotation=ROTATIONS.get(given.get("rotation", "")),
        dpi=next((known for known in RESOLUTIONS if str(known) == dpi), 0),
        threshold=next((known for known in THRESHOLDS if str(known) == threshold), 0.0),
    )
