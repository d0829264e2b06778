"""Reads SRT and WebVTT subtitles: cues joined to paragraphs, each with the times between which it is spoken."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from apps.ingestion.parsers.cleaning import join_lines, language_of, one_line
from apps.ingestion.parsers.text import read_text
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, ParsedDocument

PARAGRAPH_CHARS = 400  # a paragraph ends at the next sentence's end
MAX_CHARS = 800
PAUSE_S = 4.0
_TIME = re.compile(
    r"^\s*((?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3})\s*-->\s*((?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3})(?:[ \t][^\n]*)?$",
    re.MULTILINE,
)
_VOICE = re.compile(r"<v(?:\.[^ >]{0,50})? ([^>]{1,80})>")
_MARKS = re.compile(r"</?[a-zA-Z][^<>]{0,100}>|<\d{2}:[\d:.]{4,12}>|\{\\[^{}]{0,100}\}")
_ENDS = tuple('。！？.!?…”"')


@dataclass(frozen=True, slots=True)
class _Cue:
    """What is shown between two times, in seconds."""

    start: float
    end: float
    text: str


def parse(task: Task) -> ParsedDocument:
    """Return the spoken paragraphs, each begun by its times. Raises Refused where there is no cue."""
    cues = [cue for cue in _cues(read_text(task)) if cue.text]
    if not cues:
        raise Refused("empty")
    blocks = tuple(Block(text) for text in _paragraphs(cues))
    facts = {"length": _clock(max(cue.end for cue in cues)), "cues": str(len(cues))}
    return ParsedDocument(blocks, language=language_of([cue.text for cue in cues[:400]]), facts=facts)


def _cues(text: str) -> Iterator[_Cue]:
    """Yield the cues in order; numbers, notes and styles between them are left out."""
    found = list(_TIME.finditer(text))
    ends = [*(after.start() for after in found[1:]), len(text)]
    for time, end in zip(found, ends, strict=False):
        body = text[time.end() : end].lstrip("\n")
        lines = re.split(r"\n[ \t]*\n", body, maxsplit=1)[0].split("\n")
        words = _MARKS.sub("", _VOICE.sub(r"\1: ", " ".join(lines)))
        yield _Cue(_seconds(time[1]), _seconds(time[2]), one_line(words))


def _paragraphs(cues: list[_Cue]) -> Iterator[str]:
    held: list[_Cue] = []
    size = 0
    for cue in cues:
        if held and _is_over(held[-1], cue, size):
            yield _join(held)
            held, size = [], 0
        if not held or held[-1].text != cue.text:  # rolling captions repeat the line before
            held.append(cue)
            size += len(cue.text)
    if held:
        yield _join(held)


def _is_over(last: _Cue, cue: _Cue, size: int) -> bool:
    is_full = size >= PARAGRAPH_CHARS and last.text.endswith(_ENDS)
    return is_full or size >= MAX_CHARS or (cue.start - last.end > PAUSE_S and size > PARAGRAPH_CHARS // 4)


def _join(cues: list[_Cue]) -> str:
    text = ""
    for cue in cues:
        text = join_lines(text, cue.text)
    return f"[{_clock(cues[0].start)} – {_clock(cues[-1].end)}] {text}"


def _seconds(time: str) -> float:
    total = 0.0
    for part in time.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
