"""A story as a file to keep: an EPUB 3 book for readers, or a ZIP of a page with its pictures for any browser.

Both hold what their owner may see at that moment: without the right to the document the pictures alone.
Reference: EPUB 3.3, sections 4 (container), 5 (package document) and 7.3 (navigation).
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from apps.images import files
from apps.images.story_page import SceneCard, StoryPage
from apps.libraries.templatetags.libraries import language_of

MEDIA_TYPES: Final = {"epub": "application/epub+zip", "zip": "application/zip"}
_CONTAINER: Final = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="story.opf" media-type="application/oebps-package+xml"/></rootfiles></container>\n'
)
_STYLE: Final = (
    "body { max-width: 42rem; margin: 2rem auto; padding: 0 1rem; line-height: 1.7; }\n"
    "img { display: block; max-width: 100%; height: auto; margin: 1.5rem auto .5rem; }\n"
    "section { break-inside: avoid; }\n"
)
_FILES: Final = {
    "epub": {"story.opf": "story.opf", "contents.xhtml": "contents.xhtml", "story.xhtml": "story.xhtml"},
    "zip": {"index.html": "story.xhtml"},
}


@dataclass(frozen=True, slots=True)
class Part:
    """A scene in the file: its chapter where that is a new one, its paragraphs, the name of its picture or none."""

    number: int
    chapter: str
    paragraphs: Sequence[str]
    picture: str
    alt: str
    language: str


def exported(page: StoryPage, form: str) -> bytes:
    """Return the file; `form` is one of MEDIA_TYPES."""
    pictures = dict(_pictures(page))
    parts = [_part(number, card, pictures) for number, card in enumerate(page.scenes, 1)]
    title = _plain(page.telling.title.rsplit(".", 1)[0]) or _("Story")
    told = " ".join(text for part in parts for text in part.paragraphs)
    context = {
        "story": page.story, "title": title, "parts": parts, "language": language_of(told or title),
        "pictures": sorted(pictures), "modified": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "is_book": form == "epub",
    }  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if form == "epub":
            archive.writestr("mimetype", MEDIA_TYPES[form], zipfile.ZIP_STORED)  # the first entry, not compressed
            archive.writestr("META-INF/container.xml", _CONTAINER)
        for name, template in _FILES[form].items():
            archive.writestr(name, render_to_string(f"images/stories/export/{template}", context))
        archive.writestr("style.css", _STYLE)
        for name, data in pictures.items():
            archive.writestr(name, data, zipfile.ZIP_STORED)
    return buffer.getvalue()


def _pictures(page: StoryPage) -> Iterator[tuple[str, bytes]]:
    """Yield the stored PNG of each scene that has one, by its name in the file."""
    for number, card in enumerate(page.scenes, 1):
        if card.picture is None:
            continue
        try:
            yield _name(number), files.read(card.picture.file)
        except FileNotFoundError:
            continue


def _name(number: int) -> str:
    return f"pictures/{number:02}.png"


def _part(number: int, card: SceneCard, pictures: dict[str, bytes]) -> Part:
    lines = card.scene.text.splitlines() if card.is_readable else []
    name = _name(number)
    has_alt = name in pictures and card.is_readable
    return Part(
        number=number,
        chapter=_plain(card.chapter),
        paragraphs=[text for line in lines if (text := _plain(line))],
        picture=name if name in pictures else "",
        alt=_plain(card.picture.prompt[:200]) if has_alt and card.picture else "",
        language=language_of("".join(lines)),
    )


def _plain(text: str) -> str:
    """Return the text without what XML 1.0 cannot hold: control characters."""
    return "".join(each for each in text if each.isprintable() or each.isspace()).strip()
