"""Reads XML without entities, document types or network: whole parts, and long ones element by element."""

import re
from collections.abc import Iterable, Iterator, Sequence

from lxml import etree

from apps.ingestion.parsers.types import Refused

_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_OVERLAP = 64  # bytes of the piece before that are looked at again


def refuse_declarations(data: bytes, part: str) -> None:
    """Raise Refused when XML declares a document type or entities, in any encoding that XML is written in."""
    if _DOCTYPE.search(data) or (b"\0" in data and _DOCTYPE.search(data.replace(b"\0", b""))):
        raise Refused("xml-entities", part=part[:200])


def root_of(data: bytes, part: str, *, is_lenient: bool = False) -> etree._Element | None:
    """Return the root of an XML text, None if it is empty. Raises Refused.

    With `is_lenient` what can be read of damaged XML is returned.
    """
    refuse_declarations(data, part)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=is_lenient,
    )
    try:
        return etree.fromstring(data, parser) if data.strip() else None
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Refused("broken", reason=part[:200]) from error


def elements(pieces: Iterable[bytes], part: str, tags: Sequence[str]) -> Iterator[etree._Element]:
    """Yield each element of the given tags once it is whole, and forget it afterwards. Raises Refused.

    Memory stays bounded however long the part is, if no such element holds most of it.
    """
    parser = etree.XMLPullParser(
        events=("end",),
        tag=list(tags),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    tail = b""
    try:
        for piece in pieces:
            refuse_declarations(tail + piece, part)
            tail = piece[-_OVERLAP:]
            parser.feed(piece)
            for _event, element in parser.read_events():
                if isinstance(element, etree._Element):
                    yield element
                    _forget(element)
        if tail:
            parser.close()
    except etree.XMLSyntaxError as error:
        raise Refused("broken", reason=part[:200]) from error


def _forget(element: etree._Element) -> None:
    """Free an element and those before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
