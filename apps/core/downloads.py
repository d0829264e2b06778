"""Text files that a page hands out."""

from collections.abc import Iterable

from django.http import StreamingHttpResponse


def download(pieces: Iterable[str], name: str, media_type: str) -> StreamingHttpResponse:
    """Return a text file in UTF-8 to be saved: never shown, and kept by no cache."""
    response = StreamingHttpResponse((piece.encode() for piece in pieces), content_type=f"{media_type}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
