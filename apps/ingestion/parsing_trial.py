"""Tries the parser on a folder of hard files with a MANIFEST.csv, and judges what came of each.

`expected` is must_parse (the text contains the phrase, white space and case aside) or must_fail_cleanly (a stable
code within a minute and 1.5 GB). `needs` relaxes a row: with "soft" or "rejection" a clear refusal is as good; a file
that needs OCR, or of which "recover_ok" is said, may also be read; with "password:X" the password has to open it.
"""

import csv
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from apps.ingestion.parse_errors import ParseError
from apps.ingestion.parsers.host import limits_from_settings
from apps.ingestion.parsers.types import Task
from apps.ingestion.whole import read_whole

MAX_SECONDS = 60.0
MAX_MIB = 1_536
SOFT = ("soft", "rejection", "legacy-office converter")
READABLE = ("ocr", "recover_ok")
Verdict = Literal["passed", "soft", "missed"]
_WHITE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the manifest."""

    file: str
    kind: str
    expected: str
    phrase: str
    needs: str

    @property
    def password(self) -> str | None:
        """Return the password that opens the file, None where none is told."""
        found = re.match(r"password:(?!\()(.+)", self.needs)
        return found[1].split(";")[0].strip() if found else None


@dataclass(frozen=True, slots=True)
class Tried:
    """What one reading gave: a refusal has a code, a success none."""

    code: str
    text: str
    seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A row and what is thought of it; `opened` tells whether its password opened it, None where it has none."""

    row: Row
    tried: Tried
    verdict: Verdict
    why: str = ""
    opened: bool | None = None


def rows(folder: Path, only: str = "") -> Iterator[Row]:
    """Yield the manifest's lines, or those of one kind."""
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if only in {"", line["kind"], line["file"].split("/")[0]}:
                yield Row(line["file"], line["kind"], line["expected"], line["phrase"], line["needs"])


def judge(folder: Path, row: Row) -> Judged:
    """Read a row's file as a worker would, and with its password where it has one."""
    tried = attempt(folder / row.file)
    why = _fault(row, tried)
    verdict: Verdict = "missed" if why else "soft" if _is_soft(row, tried) else "passed"
    opened = None
    if row.password is not None:
        opened = not attempt(folder / row.file, row.password).code
    return Judged(row, tried, verdict, why, opened)


def attempt(path: Path, password: str | None = None) -> Tried:
    """Return what the real parser in its child makes of a file."""
    began = time.monotonic()
    try:
        whole = read_whole(Task(str(path.resolve()), path.name, password, limits_from_settings()))
    except ParseError as error:
        return Tried(error.code, "", time.monotonic() - began, 0.0)
    return Tried("", whole.text, time.monotonic() - began, whole.peak_mib)


def _fault(row: Row, tried: Tried) -> str:
    """Return what is wrong with an outcome, "" when nothing is."""
    forbidden = re.match(r"forbidden-text: (.+)", row.needs)
    if forbidden and forbidden[1] in tried.text:
        return "the forbidden text is in it"
    if tried.peak_mib > MAX_MIB:
        return f"took {tried.peak_mib:.0f} MiB"
    if row.expected == "must_fail_cleanly":
        return _fault_of_failing(row, tried)
    if tried.code:
        return "" if _is_soft(row, tried) else f"refused ({tried.code})"
    return "" if contains(tried.text, row.phrase) else "the phrase is missing"


def _fault_of_failing(row: Row, tried: Tried) -> str:
    if tried.code and tried.seconds > MAX_SECONDS:
        return f"took {tried.seconds:.0f} s"
    if tried.code:
        wants_words = row.phrase and "ocr" in row.needs
        return f"OCR should read it ({tried.code})" if wants_words else ""
    if not any(word in row.needs for word in READABLE):
        return "was read"
    return "" if contains(tried.text, row.phrase) else "the phrase is missing"


def _is_soft(row: Row, tried: Tried) -> bool:
    """Return whether a must_parse row was refused, and may be."""
    return row.expected == "must_parse" and bool(tried.code) and any(word in row.needs for word in SOFT)


def contains(text: str, phrase: str) -> bool:
    """Return whether a text holds a phrase, white space and case aside."""
    return _WHITE.sub("", phrase).casefold() in _WHITE.sub("", text).casefold()
