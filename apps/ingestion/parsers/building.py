"""Collects the blocks of an office document: lists, headings, figures, attachments, with the page they stand on."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from apps.ingestion.parsers.cleaning import language_of, one_line, squeeze
from apps.ingestion.parsers.headings import MAX_HEADING_CHARS, HeadingStack
from apps.ingestion.parsers.ooxml import Package, Relation
from apps.ingestion.parsers.pictured import FEW_IN_ALL, FEW_ON_A_PAGE, PictureReader
from apps.ingestion.parsers.pictures import Gallery, Kept
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Attached, Block, BlockKind, Box, FigureFound, ParsedDocument

MAX_NAME_CHARS = 200
MAX_ATTACHED = 200
_FILE_NAME = re.compile(
    r"^\S*\.(?:png|jpe?g|gif|bmp|tiff?|emf|wmf|svg|webp)$|^(?:picture|image|grafik|图片) ?\d*$", re.IGNORECASE
)
_MADE_BY_MACHINE = re.compile(
    r"(?:Description automatically generated|AI-generated content may be incorrect).*$", re.DOTALL
)


class Builder:
    """The blocks of one document in the order in which they are added."""

    def __init__(self, task: Task) -> None:
        self._limit = task.limits.max_chars
        self._keep = task.keep
        self._gallery = Gallery(task.keep)
        self._blocks: list[Block] = []
        self._figures: list[FigureFound] = []
        self._attached: list[Attached] = []
        self._items: list[str] = []
        self._items_box: Box | None = None
        self._headings = HeadingStack()
        self._chars = 0
        self._limits = task.limits
        self._wordless: list[tuple[int, Kept]] = []  # places of pictures that nothing is said of
        self.page: int | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """Return the headings above the present place."""
        return self._headings.path

    def turn_to(self, page: int) -> None:
        """Begin a page that headings do not reach across, such as a slide."""
        self.end_list()
        self.page = page
        self._headings = HeadingStack()

    def heading(self, text: str, level: int, box: Box | None = None) -> None:
        """Add a heading; level from 1. One that is too long for a heading is a paragraph."""
        self.end_list()
        words = one_line(text)
        if len(words) > MAX_HEADING_CHARS:
            self._add(Block(words, "text", self.page, box, self.path))
        elif words:
            self._add(Block(words, "heading", self.page, box, self._headings.push(max(1, level), words), max(1, level)))

    def text(self, text: str, box: Box | None = None) -> None:
        """Add a paragraph, ending an open list."""
        self.block(text, "text", box)

    def block(self, text: str, kind: BlockKind, box: Box | None = None) -> None:
        """Add a block, ending an open list; nothing for a blank text."""
        self.end_list()
        words = text.strip("\n") if kind == "list" else squeeze(text)
        if words.strip():
            self._add(Block(words, kind, self.page, box, self.path))

    def item(self, text: str, level: int = 0, box: Box | None = None) -> None:
        """Add a line, its mark included, to the open list."""
        if self._items_box != box:
            self.end_list()
        self._items_box = box
        self._items.append("  " * level + text)

    def end_list(self) -> None:
        """End the open list, if there is one."""
        if self._items:
            lines, box = "\n".join(self._items), self._items_box
            self._items, self._items_box = [], None
            self._add(Block(lines, "list", self.page, box, self.path))

    def table(self, text: str, box: Box | None = None) -> None:
        """Add a table, as markdown; nothing for an empty one."""
        self.end_list()
        if text:
            self._add(Block(text, "table", self.page, box, self.path))

    def figure(self, data: bytes, alternative: str, box: Box | None = None) -> None:
        """Add a picture with what is said in its place; one that cannot be shown only by its words, if it has any."""
        self.end_list()
        words = alternative_text(alternative)
        kept = self._gallery.add(data) if data else None
        if kept is None:
            if words:
                self._add(Block(words, "figure", self.page, box, self.path))
            return
        place = len(self._blocks)
        if not words:
            self._wordless.append((place, kept))
        self._add(Block(words, "figure", self.page, box, self.path))
        self._figures.append(
            FigureFound(kept.data, kept.media_type, kept.width, kept.height, place, self.page, box, words)
        )

    def attach(self, name: str, data: bytes) -> None:
        """Keep a file that the document holds, so that it becomes a document of its own."""
        if data and len(self._attached) < MAX_ATTACHED:
            self._attached.append(Attached(one_line(name)[:MAX_NAME_CHARS], len(data), self._keep([data])))

    def attach_packages(self, package: Package, relations: Mapping[str, Relation]) -> None:
        """Keep the office files that a part of an OOXML file holds."""
        for relation in relations.values():
            if relation.kind == "package" and not relation.is_external:
                self.attach(relation.target.rpartition("/")[2], package.spare_bytes(relation.target))

    def _add(self, block: Block) -> None:
        self._chars += len(block.text)
        if self._chars > self._limit:
            raise Refused("too-much-text", limit=self._limit)
        self._blocks.append(block)

    def _read_pictures(self) -> None:
        """Put the words on a picture in its place where the page, or the whole document, says little else."""
        said: Counter[int | None] = Counter()
        for block in self._blocks:
            said[block.page] += len(block.text)
        reader = PictureReader(self._limits)
        read: dict[int, str] = {}
        for place, kept in self._wordless:
            block = self._blocks[place]
            if said[block.page] <= (FEW_IN_ALL if block.page is None else FEW_ON_A_PAGE) and kept.encoded:
                if kept.data.offset not in read:
                    read[kept.data.offset] = reader.words(kept.encoded, (kept.width, kept.height))
                self._blocks[place] = replace(block, text=read[kept.data.offset])

    def finish(self, *, pages: int = 0, title: str = "", facts: dict[str, str] | None = None) -> ParsedDocument:
        """Return the document. Raises Refused when nothing in it can be read."""
        self.end_list()
        self._read_pictures()
        if not self._attached and not any(block.text for block in self._blocks):
            raise Refused("empty")
        return ParsedDocument(
            tuple(self._blocks),
            pages=pages,
            title=one_line(title)[:MAX_HEADING_CHARS],
            language=language_of([block.text for block in self._blocks[:400]]),
            figures=tuple(self._figures),
            attached=tuple(self._attached),
            facts=facts or {},
        )


def alternative_text(text: str) -> str:
    """Return a picture's alternative text, "" if it is only a file's name or a machine's remark."""
    words = one_line(_MADE_BY_MACHINE.sub("", text))
    return "" if _FILE_NAME.match(words) else words
