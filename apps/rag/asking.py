"""Reads the small language that people may put into a question. Plain Python.

`"a phrase"` (also “ ” and 「 」) must stand as it is, `-word` and `-"a phrase"` must not stand at all, and `tag:`
`type:` `after:` `before:` `in:` (标签: 类型: 晚于: 早于: 位于:) narrow the documents. All else is the question: an
unknown operator, a value that no operator takes, hyphens inside words and ranges, negative numbers and short flags
(`ls -l`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from apps.libraries.families import FAMILIES
from apps.rag.options import Filters, SearchOptions

MAX_VALUE_CHARS = 200
MOST_STRICT = 3  # phrases; more are a quotation or a piece of code, not a wish
MAX_OPERATORS = 20  # further ones stay text: a question is no program
_SUFFIXES = """pdf doc docx odt rtf txt md rst xls xlsx ods csv tsv ppt pptx odp htm html mht mhtml eml msg mbox epub
json jsonl png jpg jpeg webp gif tif tiff bmp zip tar gz 7z srt vtt xml"""
SUFFIXES = frozenset(_SUFFIXES.split())
_OTHER_NAMES = """word document, excel sheet, table sheet, powerpoint slides, email mail, picture image, photo image,
文本 text, 文档 document, 表格 sheet, 幻灯片 slides, 演示 slides, 网页 web, 邮件 mail, 图片 image, 压缩包 archive"""
FAMILY_NAMES = {family: family for family in FAMILIES} | dict(pair.split() for pair in _OTHER_NAMES.split(","))
OPERATORS = {name: name for name in ("tag", "type", "after", "before", "in")} | {
    "标签": "tag",
    "类型": "type",
    "晚于": "after",
    "早于": "before",
    "位于": "in",
}
_QUOTES = {'"': '"', "“": "”", "「": "」", "『": "』", "＂": "＂", "„": "“"}
_STOPS = ",.;:!?，。；：！？、"
_ENDS = " \t" + _STOPS
_STRICT = '"＂'
_OPEN = "".join(_QUOTES)
_BODY = "|".join(rf"{a}(?!\s)[^{a}{b}\n]{{1,{MAX_VALUE_CHARS}}}(?<!\s){b}" for a, b in _QUOTES.items())
_NAMES = "|".join(OPERATORS)
_TOKEN = re.compile(
    rf"(?<![\w:/.])(?P<name>{_NAMES})[:：](?P<value>{_BODY}|[^\s{_OPEN}]{{1,{MAX_VALUE_CHARS}}})"
    rf"|(?<!\S)[-－](?:(?P<no>{_BODY})|(?P<not>(?=[^\W\d_])[\w.&+#'’-]{{2,{MAX_VALUE_CHARS}}}))(?=[{_STOPS}]*(?:\s|$))"
    rf"|(?<![A-Za-z0-9])(?P<phrase>{_BODY})",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w")
_HAN = re.compile(r"[\u3400-\u9fff]")
_ASKS = re.compile(
    r"[?？]|什么|怎|如何|为何|是否|哪|谁|多少|几[个天年次种位岁]|吗|呢"
    r"|^\W*(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|can|could|should|will|would|has"
    r"|have|had|tell|explain|describe|compare|list|give|show)\b|\b(?:who|what|when|where|which|why|how)\b",
    re.IGNORECASE,
)
_YEAR_LEAST = 1900
_DATE = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2}))?)?[年月日号]?")
_DAYS_AGO = re.compile(r"(\d{1,4})([dwmy天周月年])")
_DAYS = {"d": 1, "天": 1, "w": 7, "周": 7, "m": 30, "月": 30, "y": 365, "年": 365}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what was said about where to look: `text` is the question itself, for people and models.

    `operators` are the pieces of the original that were understood, as they were written.
    """

    text: str
    filters: Filters = field(default_factory=Filters)
    operators: tuple[str, ...] = ()


def parse(text: str, *, today: date | None = None) -> Asked:
    """Return the question and its filters. Never raises; a text of nothing but operators is searched as it is.

    Phrases stay in the question as well, without their quotes. In a sentence that asks, and between “ ” and 「 」 as
    people write them anyway, quotes often only name a thing: there the passages that have one of the phrases come
    first, and others may follow (`Filters.preferred`).
    """
    reader = _Reader(today or date.today())  # noqa: DTZ011 -- people write dates of their own calendar
    question = " ".join(_TOKEN.sub(reader.read, text).split())
    if not reader.operators or not _WORD.search(question):
        return Asked(text.strip())
    filters = reader.filters
    if len(filters.phrases) > MOST_STRICT or (filters.phrases and _ASKS.search(question)):
        filters = replace(filters, phrases=(), preferred=_with(filters.phrases, *filters.preferred))
    return Asked(question, filters, tuple(reader.operators))


def merged(first: Filters, second: Filters) -> Filters:
    """Return filters that hold where both do."""
    if not first or not second:
        return first or second
    return replace(first, also=(*first.also, second))


def with_filters(options: SearchOptions, filters: Filters) -> SearchOptions:
    """Return the options for a search that these filters narrow as well."""
    return replace(options, filters=merged(options.filters, filters))


class _Reader:
    """Takes the operators out of a text, one match at a time; what it does not understand it gives back."""

    def __init__(self, today: date) -> None:
        self.filters = Filters()
        self.operators: list[str] = []
        self._today = today

    def read(self, match: re.Match[str]) -> str:
        """Return what stays in the question in place of a match."""
        if len(self.operators) >= MAX_OPERATORS:
            return match[0]
        stays = self._taken(match)
        if stays is None:
            return match[0]
        self.operators.append(match[0].strip(_ENDS))
        return stays

    def _taken(self, match: re.Match[str]) -> str | None:
        if match["phrase"]:
            return self._phrase(_bare(match["phrase"]), is_strict=match["phrase"][0] in _STRICT)
        if match["no"] or match["not"]:
            return self._exclude(_bare(match["no"] or match["not"]))
        return self._narrow(OPERATORS[match["name"].lower()], match["value"])

    def _phrase(self, phrase: str, *, is_strict: bool) -> str | None:
        if not _WORD.search(phrase):
            return None
        if is_strict:
            self.filters = replace(self.filters, phrases=_with(self.filters.phrases, phrase))
        else:
            self.filters = replace(self.filters, preferred=_with(self.filters.preferred, phrase))
        joins = "" if _HAN.match(phrase) else " "
        return f"{joins}{phrase}{joins}"

    def _exclude(self, word: str) -> str | None:
        if not _WORD.search(word) or word.partition(":")[0].lower() in OPERATORS:
            return None
        self.filters = replace(self.filters, excluded=_with(self.filters.excluded, word))
        return " "

    def _narrow(self, name: str, value: str) -> str | None:
        is_quoted = value[0] in _QUOTES
        values = [_bare(value)] if is_quoted else [part for each in re.split("[,，]", value) if (part := _bare(each))]
        mark = value[-1] if value[-1] in "?？" else ""
        narrowed = _NARROWING[name](self.filters, values, self._today) if values else None
        if narrowed is None:
            return None
        self.filters = narrowed
        return f"{mark} "


def _bare(text: str) -> str:
    """Return a value without its quotes and without the punctuation behind it."""
    if text and text[0] in _QUOTES and text[-1] == _QUOTES[text[0]]:
        return text[1:-1].strip()
    return text.strip(_ENDS)


def _with(values: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*values, *more)))


def _by_tag(filters: Filters, values: list[str], _today: date) -> Filters | None:
    return replace(filters, tags=_with(filters.tags, *values))


def _by_place(filters: Filters, values: list[str], _today: date) -> Filters | None:
    places = [place for value in values if (place := value.strip("/"))]
    return replace(filters, places=_with(filters.places, *places)) if places else None


def _by_type(filters: Filters, values: list[str], _today: date) -> Filters | None:
    """Narrow by families of file types, suffixes or media types; a value that is none of them is no filter."""
    types = [_type_of(value.lower().lstrip(".")) for value in values]
    known = [name for name in types if name is not None]
    return replace(filters, types=_with(filters.types, *known)) if len(known) == len(types) else None


def _type_of(value: str) -> str | None:
    if value in FAMILY_NAMES:
        return FAMILY_NAMES[value]
    return value if value in SUFFIXES or re.fullmatch(r"[a-z]+/[\w.+-]+", value) else None


def _after(filters: Filters, values: list[str], today: date) -> Filters | None:
    """Begin with the first day of what is named."""
    first = _first_day(values[0], today) if len(values) == 1 else None
    return replace(filters, after=first) if first else None


def _before(filters: Filters, values: list[str], today: date) -> Filters | None:
    """End with the last day before what is named."""
    first = _first_day(values[0], today) if len(values) == 1 else None
    return replace(filters, before=first - timedelta(days=1)) if first else None


_NARROWING: dict[str, Callable[[Filters, list[str], date], Filters | None]] = {
    "tag": _by_tag,
    "type": _by_type,
    "in": _by_place,
    "after": _after,
    "before": _before,
}


def _first_day(value: str, today: date) -> date | None:
    """Return the first day of a year, a month or a day, today and yesterday, or the day that was "30d" ago."""
    named = {"today": 0, "今天": 0, "yesterday": 1, "昨天": 1}.get(value.lower())
    ago = _DAYS_AGO.fullmatch(value.lower())
    if ago and int(ago[1]) < _YEAR_LEAST:  # 2024年 is a year, not two thousand of them
        named = int(ago[1]) * _DAYS[ago[2]]
    if named is not None:
        return today - timedelta(days=min(named, 36_500))
    match = _DATE.fullmatch(value)
    if match is None or int(match[1]) < _YEAR_LEAST:
        return None
    try:
        return date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None
