"""The pictures that were cut out of a document."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from apps.core.errors import NotFound
from apps.libraries.access import access_document
from apps.libraries.models import Figure
from apps.users.requests import PersonRequest

TYPES = frozenset({"image/png", "image/jpeg"})  # what we encode ourselves; nothing else is ever shown


@login_required
@require_GET
def figure(request: PersonRequest, document_id: UUID, figure_id: UUID) -> HttpResponse:
    """Return a picture that we encoded ourselves; a browser may show it and nothing else (security-cases rows 46, 49).

    The address holds random ids and the bytes behind it never change, so the person's own browser may keep them.
    """
    document = access_document(request.user, document_id)
    row = Figure.objects.filter(pk=figure_id, version__document=document).first()
    if row is None or row.media_type not in TYPES:
        raise NotFound
    try:
        opened = row.file.open("rb")
    except FileNotFoundError as error:
        raise NotFound from error
    with opened:
        data = opened.read()
    response = HttpResponse(data, content_type=row.media_type)
    response["Content-Disposition"] = "inline"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600"
    return response
