"""Reads PowerPoint presentations (OOXML): slides as pages, in reading order, with speaker notes and comments."""

import re
from collections.abc import Iterator, Mapping

from lxml import etree

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.cleaning import one_line, squeeze
from apps.ingestion.parsers.docx_styles import child, local, number, value
from apps.ingestion.parsers.drawing import Paragraph, body_text, chart, paragraphs, smart_art, table
from apps.ingestion.parsers.locked import unlocked
from apps.ingestion.parsers.ooxml import Package, Relation, reference
from apps.ingestion.parsers.slide_order import Frame, reading_order
from apps.ingestion.parsers.slide_shapes import Places, Shape, described, places, shapes
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Box, ParsedDocument

_STANDARD_SIZE = (9_144_000, 6_858_000)  # EMU, where the presentation does not say
MAX_DATE_CHARS = 30
_RELATED = ("ppt/slides", "ppt/slideLayouts")  # each has a layout, or a master (ECMA-376 part 1, 13.3.8 and 13.3.9)
_NOT_A_NOTE = re.compile(r"^[\d\s‹›#]*$")


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a presentation, slide by slide."""
    with unlocked(task) as file:
        package = Package(file)
        main = package.main("ppt/presentation.xml")
        root = package.xml(main)
        if root is None:
            raise Refused("broken", reason="no presentation")
        reader = _Reader(task, package, root, main)
        return reader.read()


class _Reader:
    def __init__(self, task: Task, package: Package, root: etree._Element, main: str) -> None:
        self._task = task
        self._package = package
        size = child(root, "sldSz")
        self._size = (number(value(size, "cx"), _STANDARD_SIZE[0]), number(value(size, "cy"), _STANDARD_SIZE[1]))
        self._slides = _slides(root, package.relations(main))
        self._authors = _authors(package, main)
        self._layouts: dict[str, Places] = {}
        self._furniture: set[str] = set()
        self._builder = Builder(task)

    def read(self) -> ParsedDocument:
        """Return the whole presentation. Raises Refused."""
        total = len(self._slides)
        if total > self._task.limits.max_pages:
            raise Refused("too-many-pages", pages=total, limit=self._task.limits.max_pages)
        for folder in _RELATED:
            self._package.refuse_lost_relations(folder)
        title = ""
        for page, part in enumerate(self._slides, 1):
            self._task.report(page - 1, total)
            heading = self._slide(page, part)
            title = title or heading
        return self._builder.finish(pages=total, title=title, facts=self._package.facts())

    def _slide(self, page: int, part: str) -> str:
        """Add the blocks of a slide; return its title. Raises Refused for one that is missing or broken."""
        self._package.refuse_missing(part)
        root = self._package.xml(part)
        if root is None:
            return ""
        relations = self._package.telling_relations(part)
        found = [shape for shape in self._shapes(root, relations) if not self._is_repeated(shape)]
        self._builder.turn_to(page)
        heading = self._heading(found, is_hidden=value(root, "show") in {"0", "false"})
        for shape in _ordered([shape for shape in found if not shape.is_title]):
            self._shape(shape, part, relations)
        self._remarks(relations)
        self._builder.attach_packages(self._package, relations)
        return heading

    def _is_repeated(self, shape: Shape) -> bool:
        """Return whether a shape is a date, a number, or a footer that stood on a slide before."""
        if not shape.is_furniture:
            return False
        text = body_text(child(shape.element, "txBody"))
        is_known = text in self._furniture or next(shape.element.iter("{*}fld"), None) is not None
        self._furniture.add(text)
        return is_known or (len(text) <= MAX_DATE_CHARS and any(char.isdigit() for char in text))

    def _shapes(self, root: etree._Element, relations: Mapping[str, Relation]) -> list[Shape]:
        layouts = [each.target for each in relations.values() if each.kind == "slideLayout"]
        inherited = self._placed(layouts[0]) if layouts else {}
        return list(shapes(_tree(root), self._size, inherited))

    def _placed(self, layout: str) -> Places:
        """Return where a layout and its master put their placeholders."""
        if layout not in self._layouts:
            masters = [each.target for each in self._package.relations(layout).values() if each.kind == "slideMaster"]
            found: Places = {}
            for part in (*masters[:1], layout):
                root = self._package.spare_xml(part)
                found = places(_tree(root), self._size, found)
            self._layouts[layout] = found
        return self._layouts[layout]

    def _heading(self, found: list[Shape], *, is_hidden: bool) -> str:
        titles = [shape for shape in found if shape.is_title]
        words = one_line(" ".join(body_text(child(shape.element, "txBody")) for shape in titles))
        shown = f"{words} (hidden)".strip() if is_hidden else words
        if shown:
            self._builder.heading(shown, 1, box=self._box(titles[0]) if titles else None)
        return words

    def _shape(self, shape: Shape, part: str, relations: Mapping[str, Relation]) -> None:
        name = local(shape.element)
        if name == "graphicFrame":
            self._frame(shape, relations)
        elif name == "pic":
            self._picture(shape, relations)
        else:
            self._words(shape)
            self._picture(shape, relations)

    def _words(self, shape: Shape) -> None:
        is_list = shape.placeholder is not None and shape.placeholder.kind in {"obj", "body"}
        box = self._box(shape)
        lines: list[Paragraph] = list(paragraphs(child(shape.element, "txBody")))
        has_list = is_list and len(lines) > 1
        for paragraph in lines:
            mark = paragraph.mark if paragraph.mark is not None else ("-" if has_list or paragraph.level else "")
            if mark:
                self._builder.item(f"{mark} {one_line(paragraph.text)}", paragraph.level, box=box)
            else:
                self._builder.text(paragraph.text, box=box)
        self._builder.end_list()

    def _frame(self, shape: Shape, relations: Mapping[str, Relation]) -> None:
        """Add what a graphic frame holds: a table, a chart, a diagram, or the picture of an embedded object."""
        box = self._box(shape)
        for element in shape.element.iter():
            name = local(element)
            if name == "tbl":
                self._builder.table(table(element), box=box)
                return
            if name == "chart" and reference(element):
                self._chart(relations.get(reference(element)), box)
            elif name == "relIds":
                target = relations.get(reference(element, "dm"))
                root = self._package.spare_xml(target.target) if target else None
                self._builder.block(smart_art(root) if root is not None else "", "list", box=box)
            elif name == "pic":
                self._blip(element, described(shape.element), relations, box)

    def _chart(self, target: Relation | None, box: Box | None) -> None:
        root = self._package.spare_xml(target.target) if target else None
        if root is not None:
            title, numbers = chart(root)
            self._builder.block(title, "caption", box=box)
            self._builder.table(numbers, box=box)

    def _picture(self, shape: Shape, relations: Mapping[str, Relation]) -> None:
        self._blip(shape.element, described(shape.element), relations, self._box(shape))

    def _blip(
        self,
        element: etree._Element,
        names: etree._Element | None,
        relations: Mapping[str, Relation],
        box: Box | None,
    ) -> None:
        blip = next(element.iter("{*}blip"), None)
        target = relations.get(reference(blip, "embed"))
        if blip is None:
            return
        data = self._package.spare_bytes(target.target) if target and not target.is_external else b""
        self._builder.figure(data, value(names, "descr") or value(names, "title"), box=box)

    def _remarks(self, relations: Mapping[str, Relation]) -> None:
        """Add the speaker's notes and the comments of a slide."""
        for relation in relations.values():
            root = self._package.spare_xml(relation.target) if relation.kind in {"notesSlide", "comments"} else None
            if root is None:
                continue
            if relation.kind == "notesSlide":
                for text in _notes(root):
                    self._builder.block(text, "note")
            else:
                for text in self._comments(root):
                    self._builder.block(text, "note")

    def _comments(self, root: etree._Element) -> Iterator[str]:
        for comment in root.iter("{*}cm", "{*}reply"):
            own = [each for each in comment if local(each) in {"text", "txBody"}]
            text = "\n".join(squeeze(each.text or "") or body_text(each) for each in own)
            author = self._authors.get(value(comment, "authorId"), "")
            if text:
                yield f"{author}: {text}" if author else text

    def _box(self, shape: Shape) -> Box | None:
        frame = shape.frame
        if frame is None:
            return None
        edges = [min(1.0, max(0.0, each)) for each in (frame.x0, frame.y0, frame.x1, frame.y1)]
        return Box(self._builder.page or 1, *edges) if edges[0] < edges[2] and edges[1] < edges[3] else None


def _tree(root: etree._Element | None) -> etree._Element | None:
    return child(child(root, "cSld"), "spTree")


def _slides(root: etree._Element, relations: Mapping[str, Relation]) -> list[str]:
    """Return the parts of the slides in the order in which they are shown."""
    listed = child(root, "sldIdLst")
    wanted = [relations.get(reference(each)) for each in (listed if listed is not None else ())]
    return [each.target for each in wanted if each is not None]


def _ordered(found: list[Shape]) -> list[Shape]:
    """Return shapes in reading order; those without a place stay first, as they are stacked."""
    placed = [shape for shape in found if shape.frame is not None]
    frames: list[Frame] = [shape.frame for shape in placed if shape.frame is not None]
    return [shape for shape in found if shape.frame is None] + [placed[index] for index in reading_order(frames)]


def _notes(root: etree._Element) -> Iterator[str]:
    """Yield what the speaker wrote below a slide, without its picture, date and number."""
    for shape in shapes(_tree(root), _STANDARD_SIZE, {}):
        text = body_text(child(shape.element, "txBody"))
        if not shape.is_furniture and text and not _NOT_A_NOTE.match(text):
            yield text


def _authors(package: Package, main: str) -> Mapping[str, str]:
    """Return the names of those who comment, by id."""
    names: dict[str, str] = {}
    for relation in package.relations(main).values():
        root = package.spare_xml(relation.target) if relation.kind in {"commentAuthors", "authors"} else None
        for element in root if root is not None else ():
            names[value(element, "id")] = one_line(value(element, "name"))
    return names
