"""Answers that several pages give."""

import json

from django.http import HttpResponse


def toast(text: str, *, undo: str = "", then: str = "") -> HttpResponse:
    """Return an empty answer to htmx that shows a note; `undo` is an address to POST, `then` one more event."""
    note = {"text": text} | ({"undo": undo} if undo else {})
    events: dict[str, object] = {"kb:toast": note} | ({then: True} if then else {})
    return HttpResponse(status=200, headers={"HX-Trigger": json.dumps(events)})
