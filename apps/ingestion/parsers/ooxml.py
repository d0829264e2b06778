"""Finds the parts of an OOXML package (ECMA-376 part 2) by their relationships, and what it says of itself."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from lxml import etree

from apps.ingestion.parsers.archive import Archive
from apps.ingestion.parsers.cleaning import one_line
from apps.ingestion.parsers.docx_styles import local, value
from apps.ingestion.parsers.types import Refused

MAX_FACT_CHARS = 300
_FACTS = {  # element of the core properties -> what we call it
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "description": "description",
    "category": "category",
    "created": "created",
    "modified": "modified",
    "lastModifiedBy": "modified_by",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to. `kind` is the last word of its type: transitional and strict differ before it."""

    kind: str
    target: str  # the name of a part, or an address when it is external
    is_external: bool


TELLING = frozenset({"slide", "notesSlide", "footnotes", "endnotes", "comments", "chart", "diagramData"})  # hold text


class Package:
    """An OOXML file. A part that is missing is empty: to refer to one is a common fault, but see `TELLING`."""

    def __init__(self, file: str | IO[bytes]) -> None:
        self._archive = Archive(file)
        self._names = {name.replace("\\", "/").lstrip("/").lower(): name for name in self._archive.names}

    def name_of(self, part: str) -> str:
        """Return a part's name in the archive, "" if there is none; names of parts ignore case."""
        return self._names.get(part.lstrip("/").lower(), "")

    def read(self, part: str) -> bytes:
        """Return the bytes of a part, b"" if there is none. Raises Refused."""
        return self._archive.read(self.name_of(part))

    def stream(self, part: str) -> Iterator[bytes]:
        """Yield the bytes of a part piece by piece. Raises Refused on the way."""
        return self._archive.stream(self.name_of(part))

    def xml(self, part: str) -> etree._Element | None:
        """Return the root of a part, None if there is none. Raises Refused."""
        return self._archive.xml(self.name_of(part))

    def spare_xml(self, part: str) -> etree._Element | None:
        """Return the root of a part that the document can be read without: None where it is broken."""
        try:
            return self.xml(part)
        except Refused as refused:
            if refused.code != "broken":
                raise
            return None

    def spare_bytes(self, part: str) -> bytes:
        """Return the bytes of a part that the document can be read without: b"" where it is broken."""
        try:
            return self.read(part)
        except Refused as refused:
            if refused.code != "broken":
                raise
            return b""

    def relations(self, part: str = "") -> Mapping[str, Relation]:
        """Return what a part refers to by the ids of the references; "" stands for the package."""
        folder, _, name = part.rpartition("/")
        root = self.spare_xml(f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels")
        return {value(each, "Id"): _relation(folder, each) for each in (root if root is not None else ())}

    def refuse_missing(self, part: str) -> None:
        """Raise Refused `missing-part` for a part that should hold text and is not there."""
        if not self.name_of(part):
            raise Refused("missing-part", part=part[:200])

    def telling_relations(self, part: str) -> Mapping[str, Relation]:
        """Return what `relations` does. Raises Refused when a part that would hold text is not there."""
        relations = self.relations(part)
        for each in relations.values():
            if each.kind in TELLING and not each.is_external:
                self.refuse_missing(each.target)
        return relations

    def refuse_lost_relations(self, folder: str) -> None:
        """Raise Refused `missing-part` where some parts in a folder have no relationships and their likes have."""
        parts = [name for name in self._names if name.endswith(".xml") and posixpath.dirname(name) == folder.lower()]
        wanted = [f"{folder}/_rels/{posixpath.basename(part)}.rels" for part in parts]
        lost = [name for name in wanted if not self.name_of(name)]
        if len(lost) < len(wanted):
            for name in lost:
                self.refuse_missing(name)

    def main(self, default: str) -> str:
        """Return the name of the main part: as the package says, else the usual one."""
        found = [each.target for each in self.relations().values() if each.kind == "officeDocument"]
        return next((part for part in (*found, default) if self.name_of(part)), "")

    def facts(self) -> dict[str, str]:
        """Return what the document says of itself: author, created …"""
        parts = [each.target for each in self.relations().values() if each.kind == "core-properties"]
        root = self.spare_xml(parts[0] if parts else "docProps/core.xml")
        facts: dict[str, str] = {}
        for element in root if root is not None else ():
            name = _FACTS.get(local(element), "")
            words = one_line(element.text or "")[:MAX_FACT_CHARS]
            if name and words:
                facts[name] = words
        return facts


def reference(element: etree._Element | None, name: str = "id") -> str:
    """Return the id of a relationship that an element refers to by r:id, r:embed …; "" where it has none."""
    attributes = element.attrib.items() if element is not None else ()
    ending = f"relationships}}{name}"
    return next((str(text) for key, text in attributes if str(key).endswith(ending)), "")


def _relation(folder: str, element: etree._Element) -> Relation:
    target = value(element, "Target")
    is_external = value(element, "TargetMode").lower() == "external"
    if not is_external:
        joined = target if target.startswith("/") else posixpath.join(folder, target)
        target = posixpath.normpath(joined.replace("\\", "/")).lstrip("/")
    return Relation(value(element, "Type").rpartition("/")[2], target, is_external)
