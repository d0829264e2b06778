"""A document's text as scenes: passages worth a picture, spread over its chapters. Plain Python."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeVar

from apps.libraries.types import Block

T = TypeVar("T")
MOST_SCENES: Final = 24
PASSAGE_CHARS: Final = 700
SHORTEST_CHARS: Final = 200  # up to which paragraphs are joined in a document that is told whole
_SHORT: Final = 40  # a passage of fewer characters shows nothing
_TOLD: Final = frozenset({"text", "list"})
_CHAPTER_CHARS: Final = 300
_HAN = re.compile(r"[\u3400-\u9fff]")
_SENTENCE = re.compile(r"[^.!?。！？]+[.!?。！？]*")
_MEANT = re.compile(r"([()\[\]\\<>{}|])")  # what would be grammar in a prompt
_PLAIN_WORDS: Final = 30
_PLAIN_HAN: Final = 60


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a chapter, and the page on which it begins."""

    chapter: str
    text: str
    page: int | None = None


def scenes_of(blocks: Iterable[Block], most: int = MOST_SCENES) -> list[Passage]:
    """Return at most `most` passages in reading order: as many of each chapter, from all over it."""
    told = [block for block in blocks if block.kind in _TOLD and block.text.strip()]
    size = min(max(sum(len(block.text) for block in told) // most, SHORTEST_CHARS), PASSAGE_CHARS)
    chapters = [list(passages) for _name, passages in groupby(_passages(told, size), key=lambda each: each.chapter)]
    if not chapters:
        return []
    if len(chapters) > most:
        return [max(chapter, key=_weight) for chapter in _spread(chapters, most)]
    each, more = divmod(most, len(chapters))
    found: list[Passage] = []
    for number, chapter in enumerate(chapters):
        found += _spread(chapter, each + (number < more))
    return found


def plain_prompt(text: str) -> str:
    """Return the beginning of a passage as a prompt: what remains where no model can write one."""
    first = next((match.group().strip() for match in _SENTENCE.finditer(text) if match.group().strip()), "")
    cut = first[:_PLAIN_HAN] if _HAN.search(first) else " ".join(first.split()[:_PLAIN_WORDS])
    return _MEANT.sub(r"\\\1", cut.rstrip(".!?。！？ "))


def _passages(told: Iterable[Block], size: int) -> Iterator[Passage]:
    for chapter, group in groupby(told, key=_chapter):
        yield from _joined(chapter, group, size)


def _chapter(block: Block) -> str:
    return " › ".join(block.heading_path[:2])[:_CHAPTER_CHARS]


def _joined(chapter: str, blocks: Iterable[Block], size: int) -> Iterator[Passage]:
    """Yield paragraphs, the short ones together up to `size` characters, the long ones cut."""
    texts: list[str] = []
    page: int | None = None
    for block in blocks:
        if texts and sum(map(len, texts)) + len(block.text) > size:
            yield from _told(chapter, texts, page)
            texts = []
        page = page if texts else block.page
        texts.append(block.text.strip())
    yield from _told(chapter, texts, page)


def _told(chapter: str, texts: Sequence[str], page: int | None) -> Iterator[Passage]:
    text = "\n".join(texts)[:PASSAGE_CHARS]
    if _weight_of(text) >= _SHORT:
        yield Passage(chapter, text, page)


def _weight(passage: Passage) -> int:
    return _weight_of(passage.text)


def _weight_of(text: str) -> int:
    """Return about how much is said: a Han character says as much as two and a half Latin ones."""
    return int(len(text) + 1.5 * len(_HAN.findall(text)))


def _spread(items: Sequence[T], most: int) -> list[T]:
    """Return at most `most` items, evenly from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[number * len(items) // most] for number in range(most)]
