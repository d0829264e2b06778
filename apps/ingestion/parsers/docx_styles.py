"""What a Word document's styles and numbering say about a paragraph: outline level, list level, its number."""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

BODY_LEVEL = 9  # outline level that means "no heading"
_MAX_CHAIN = 20
_MAX_DIGITS = 9
_MAX_ROMAN = 4_000
_MAX_HAN = 10_000
_HAN_DIGITS = "零一二三四五六七八九"
_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)


def local(element: etree._Element) -> str:
    """Return an element's name without its namespace: transitional and strict OOXML differ only there."""
    return element.tag.rpartition("}")[2]


def child(element: etree._Element | None, name: str) -> etree._Element | None:
    """Return the first child of a local name, None where there is none (or no element)."""
    if element is None:
        return None
    return next((each for each in element if local(each) == name), None)


def value(element: etree._Element | None, name: str = "val") -> str:
    """Return an attribute by its local name, "" where there is none."""
    if element is None:
        return ""
    return next((str(text) for key, text in element.attrib.items() if str(key).rpartition("}")[2] == name), "")


def number(text: str, default: int = 0) -> int:
    """Return an attribute's integer."""
    return int(text) if text.removeprefix("-").isdecimal() and len(text) <= _MAX_DIGITS else default


@dataclass(frozen=True, slots=True)
class Listing:
    """The list that a paragraph belongs to."""

    numbering: str
    level: int


@dataclass(frozen=True, slots=True)
class _Style:
    name: str
    based_on: str
    outline: int | None
    listing: Listing | None


class Styles:
    """The paragraph styles, with what they inherit."""

    def __init__(self, root: etree._Element | None) -> None:
        self._styles: dict[str, _Style] = {}
        for element in root if root is not None else ():
            if local(element) == "style":
                self._styles[value(element, "styleId")] = _Style(
                    name=value(child(element, "name")).lower(),
                    based_on=value(child(element, "basedOn")),
                    outline=_outline(child(element, "pPr")),
                    listing=_listing(child(element, "pPr")),
                )

    def _chain(self, style_id: str) -> Iterator[_Style]:
        for _step in range(_MAX_CHAIN):
            style = self._styles.get(style_id)
            if style is None:
                return
            yield style
            style_id = style.based_on

    def is_title(self, properties: etree._Element | None) -> bool:
        """Return whether a paragraph is the document's title."""
        style = self._styles.get(value(child(properties, "pStyle")))
        return style is not None and style.name == "title"

    def is_contents(self, properties: etree._Element | None) -> bool:
        """Return whether a paragraph is a line of a table of contents, which only repeats a heading."""
        style = self._styles.get(value(child(properties, "pStyle")))
        return style is not None and (style.name.startswith("toc ") or style.name == "table of figures")

    def heading_level(self, properties: etree._Element | None) -> int:
        """Return 1 to 9 for a heading, 0 for other paragraphs."""
        direct = _outline(properties)
        if direct is not None:
            return direct + 1 if direct < BODY_LEVEL else 0
        for style in self._chain(value(child(properties, "pStyle"))):
            if style.outline is not None:
                return style.outline + 1 if style.outline < BODY_LEVEL else 0
            if style.name.startswith("heading ") and style.name[8:].isdecimal():
                return min(9, max(1, int(style.name[8:10])))
        return 0

    def listing(self, properties: etree._Element | None) -> Listing | None:
        """Return the list of a paragraph: its own, or its style's."""
        own = _listing(properties)
        if own is None:
            chain = self._chain(value(child(properties, "pStyle")))
            own = next((style.listing for style in chain if style.listing is not None), None)
        return own if own is not None and own.numbering not in {"", "0"} else None


def _outline(properties: etree._Element | None) -> int | None:
    text = value(child(properties, "outlineLvl"))
    return number(text, BODY_LEVEL) if text else None


def _listing(properties: etree._Element | None) -> Listing | None:
    element = child(properties, "numPr")
    if element is None:
        return None
    return Listing(value(child(element, "numId")), min(8, max(0, number(value(child(element, "ilvl"))))))


@dataclass(frozen=True, slots=True)
class _Level:
    format: str
    text: str
    start: int


class Numbering:
    """Counts the paragraphs of numbered lists as Word does, and writes their labels."""

    def __init__(self, root: etree._Element | None) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}
        self._abstract: dict[str, str] = {}
        self._counters: dict[str, list[int]] = {}
        for element in root if root is not None else ():
            if local(element) == "abstractNum":
                self._levels[value(element, "abstractNumId")] = dict(_levels(element))
            elif local(element) == "num":
                self._abstract[value(element, "numId")] = value(child(element, "abstractNumId"))

    def label(self, listing: Listing) -> str:
        """Return the label of the next paragraph of a list: "2.1", "第三条", "-" for a bullet."""
        abstract = self._abstract.get(listing.numbering, "")
        levels = self._levels.get(abstract, {})
        level = levels.get(listing.level)
        if level is None or level.format in {"bullet", "none", ""}:
            return "-"
        counters = self._counters.setdefault(abstract, [0] * 9)
        counters[listing.level] = counters[listing.level] + 1 if counters[listing.level] else level.start
        counters[listing.level + 1 :] = [0] * (8 - listing.level)
        text = level.text
        for at in range(listing.level + 1):
            shown = levels.get(at, level)
            text = text.replace(f"%{at + 1}", _written(counters[at] or shown.start, shown.format))
        return text.strip()


def _levels(abstract: etree._Element) -> Iterator[tuple[int, _Level]]:
    for element in abstract:
        if local(element) == "lvl":
            style = value(child(element, "numFmt"))
            start = number(value(child(element, "start")), 1)
            yield number(value(element, "ilvl")), _Level(style, value(child(element, "lvlText"))[:100], start)


def _written(count: int, style: str) -> str:
    """Return a number in one of Word's formats; decimal for those not known."""
    if style in {"lowerLetter", "upperLetter"} and count > 0:
        letter = chr(ord("a") + (count - 1) % 26) * min(8, (count - 1) // 26 + 1)
        return letter.upper() if style == "upperLetter" else letter
    if style in {"lowerRoman", "upperRoman"} and 0 < count < _MAX_ROMAN:
        roman = _roman(count)
        return roman.upper() if style == "upperRoman" else roman
    if style in {
        "chineseCounting",
        "chineseCountingThousand",
        "ideographDigital",
        "japaneseCounting",
        "taiwaneseCountingThousand",
    }:
        return _han(count)
    return str(count)


def _roman(count: int) -> str:
    written = ""
    for worth, letters in _ROMAN:
        times, count = divmod(count, worth)
        written += letters * times
    return written


def _han(count: int) -> str:
    """Return a number below 10,000 in Chinese: 12 is 十二, 205 is 二百零五."""
    if not 0 < count < _MAX_HAN:
        return str(count)
    digits = f"{count:d}"
    written, is_gap = "", False
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit == "0":
            is_gap = True
            continue
        written += ("零" if is_gap and written else "") + _HAN_DIGITS[int(digit)] + ["", "十", "百", "千"][place]
        is_gap = False
    return written.removeprefix("一") if written.startswith("一十") else written
