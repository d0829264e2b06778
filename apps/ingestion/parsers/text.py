"""Reads plain text: paragraphs at blank lines, and headings only where they are plain to see."""

import re
from collections.abc import Iterator
from pathlib import Path

from apps.ingestion.parsers.cleaning import clean, language_of
from apps.ingestion.parsers.encodings import decode
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, BlockKind, ParsedDocument

MAX_HEADING_CHARS = 60
MAX_CHAPTER_CHARS = 30
_SEVERAL = 2
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_TRAILING = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)
_CHAPTER = re.compile(r"第[一二三四五六七八九十百零〇0-9]{1,6}([编篇部卷章节節条條])(?:[\s::、].*)?$")
_CHAPTER_TITLE = re.compile(r"第[一二三四五六七八九十百零〇0-9]{1,6}[编篇部卷章节節][^。；，,;]*$")
_CHAPTER_LEVELS = {"编": 1, "篇": 1, "部": 1, "卷": 1, "章": 2, "节": 3, "節": 3, "条": 4, "條": 4}
_NUMBERED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,5})\.?[ \t]+(?=\D)\S")
_ENGLISH = re.compile(r"(?:chapter|part|section|appendix)\s+(?:\d{1,4}|[ivxlc]{1,8}|[a-z])\b[.:]?", re.IGNORECASE)
_UNDERLINE = re.compile(r"(={3,}|-{3,})$")
_ITEM = re.compile(r"[ \t]*(?:[-*•·–]|\d{1,3}[.)]|[((][一二三四五六七八九十\d]{1,3}[))])[ \t]+\S")
_SENTENCE_END = tuple("。！？；，.!?;,:：")


def parse(task: Task) -> ParsedDocument:
    """Return the paragraphs of a text file in any encoding."""
    text = read_text(task)
    blocks = tuple(read_prose(text))
    if not blocks:
        raise Refused("empty")
    return ParsedDocument(blocks=blocks, language=language_of([block.text for block in blocks[:400]]))


def read_text(task: Task) -> str:
    """Return the decoded, cleaned text of the task's file. Raises Refused when it is too long."""
    text = clean(decode(Path(task.path).read_bytes()))
    if len(text) > task.limits.max_chars:
        raise Refused("too-much-text", limit=task.limits.max_chars)
    return text


def read_prose(text: str) -> Iterator[Block]:
    """Yield the paragraphs; numbered headings count only where the document has several of them."""
    paragraphs = [
        piece
        for part in _BLANK_LINES.split(_TRAILING.sub("", text))
        if part.strip()
        for piece in _cut_at_chapters(part)
    ]
    numbered = sum(_numbered_level(part) > 0 for part in paragraphs) >= _SEVERAL
    stack = HeadingStack()
    for paragraph in paragraphs:
        heading, level, body = _split_heading(paragraph, has_numbers=numbered)
        if level:
            yield Block(heading, "heading", heading_path=stack.push(level, heading), level=level)
        if body:
            yield Block(body, _kind(body), heading_path=stack.path)


def _cut_at_chapters(part: str) -> Iterator[str]:
    """Yield the pieces of a part without blank lines, each beginning at a line like "第二章 …"."""
    lines: list[str] = []
    for line in part.strip("\n").split("\n"):
        if lines and len(line) <= MAX_HEADING_CHARS and heading_level(line.strip()):
            yield "\n".join(lines)
            lines = []
        lines.append(line)
    yield "\n".join(lines)


def _kind(paragraph: str) -> BlockKind:
    lines = paragraph.split("\n")[:200]
    items = sum(_ITEM.match(line) is not None for line in lines)
    return "list" if len(lines) > 1 and items * 2 >= len(lines) and _ITEM.match(lines[0]) else "text"


def _split_heading(paragraph: str, *, has_numbers: bool) -> tuple[str, int, str]:
    """Return (heading, level, rest); level 0 means that there is no heading."""
    first, _, rest = paragraph.partition("\n")
    first = first.strip()
    if len(first) > MAX_HEADING_CHARS:
        return "", 0, paragraph
    marker, _, after = rest.partition("\n")
    if _UNDERLINE.match(marker) and first:
        return first, 1 if marker.startswith("=") else 2, after.strip("\n")
    level = heading_level(first) or (_numbered_level(paragraph) if has_numbers else 0)
    return (first, level, rest.strip("\n")) if level else ("", 0, paragraph)


def heading_level(line: str) -> int:
    """Return the level of a line like "第一章 总则" or "Chapter 3", 0 for any other."""
    chapter = _CHAPTER.match(line)
    if chapter and not line.endswith(_SENTENCE_END):
        return _CHAPTER_LEVELS[chapter[1]]
    titled = _CHAPTER_TITLE.match(line)
    if titled and len(line) <= MAX_CHAPTER_CHARS and not line.endswith(_SENTENCE_END):
        return _CHAPTER_LEVELS[next(char for char in line if char in _CHAPTER_LEVELS)]
    if _ENGLISH.match(line) and not line.endswith((",", ";", "。")):
        return 2
    return 0


def _numbered_level(paragraph: str) -> int:
    """Return the depth of a paragraph that is one short line like "1.2 Scope", 0 for any other."""
    line = paragraph.strip()
    found = _NUMBERED.match(line)
    if not found or "\n" in line or len(line) > MAX_HEADING_CHARS or line.endswith(_SENTENCE_END):
        return 0
    return found[1].count(".") + 1
