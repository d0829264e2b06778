"""Reads questions from CSV and JSONL, shows what would become of each line, and imports what is in order.

CSV: columns question, answers, document, quote, note. JSONL: {"question", "answers", "gold": [{"document", "quote"}],
"note"}; the sets of `evaluate_retrieval` ({"text", "gold": [names], "answers"}) are read as well. Several values in one
cell of a CSV are parted by "|"; a question on several lines gets the passages of all of them.
"""

import csv
import io
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.core.errors import AppError, NotFound, Value
from apps.core.mailbox import Mailbox
from apps.core.spreadsheets import unguarded
from apps.evaluation.models import QuestionSet, SetQuestion
from apps.evaluation.places import Places
from apps.evaluation.set_errors import (
    GoldInvalid,
    ImportGone,
    ImportTooLarge,
    ImportUnreadable,
    LineInvalid,
    SetFull,
)
from apps.evaluation.set_services import MOST_GOLD, MOST_QUESTIONS, NOTE_MAX, clean_answers, clean_text, present
from apps.users.models import User

KEPT_S = 30 * 60
MOST_MIB = 4
MOST_LINES = 2_000
PARTED = "|"
_NAMES = {
    "question": ("question", "text", "query", "问题"),
    "answers": ("answers", "answer", "答案"),
    "document": ("document", "documents", "gold", "source", "文档"),
    "quote": ("quote", "quotes", "passage", "引文"),
    "note": ("note", "notes", "备注"),
}
_ENCODINGS = ("utf-8-sig", "utf-16", "gb18030")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file as it was written; `gold` are (document, quote) pairs."""

    number: int
    text: str
    answers: tuple[str, ...] = ()
    gold: tuple[tuple[str, str], ...] = ()
    note: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What becomes of a question of the file: imported, passed over because the set has it, or refused with a code."""

    number: int
    text: str
    answers: Sequence[str] = ()
    gold: Sequence[Mapping[str, str]] = ()
    note: str = ""
    is_known: bool = False
    code: str = ""
    params: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do."""

    token: str
    user: str
    questions: str
    name: str
    lines: Sequence[Checked] = ()

    @property
    def fresh(self) -> list[Checked]:
        """Return the questions that would be imported."""
        return [line for line in self.lines if not line.code and not line.is_known]

    @property
    def known(self) -> list[Checked]:
        """Return those that the set has already."""
        return [line for line in self.lines if not line.code and line.is_known]

    @property
    def refused(self) -> list[Checked]:
        """Return those that cannot be imported."""
        return [line for line in self.lines if line.code]


BOX = Mailbox("import", Preview, kept_s=KEPT_S)


def preview(*, user: User, questions: QuestionSet, name: str, data: bytes) -> Preview:
    """Return what importing a file would do, and remember it. Raises ImportUnreadable or ImportTooLarge."""
    lines = _merged(read(data))
    places = Places(questions.library, [document for line in lines for document, _quote in line.gold])
    known = set(present(questions).values_list("text", flat=True))
    checked = [_checked(line, places, known) for line in lines]
    return BOX.put(Preview(str(uuid.uuid4()), str(user.pk), str(questions.pk), name[:200], checked))


def find(*, user: User, questions: QuestionSet, token: UUID) -> Preview:
    """Return a preview of this person for this set. Raises ImportGone."""
    try:
        return BOX.own(token, user=str(user.pk), questions=str(questions.pk))
    except NotFound:
        raise ImportGone from None


@transaction.atomic
def carry_out(*, user: User, questions: QuestionSet, shown: Preview) -> int:
    """Import what the preview showed as new; return how many questions. Raises SetFull. A second time adds nothing."""
    QuestionSet.objects.select_for_update().get(pk=questions.pk)
    rows = present(questions)
    before = rows.count()
    texts = [line.text for line in shown.fresh]
    SetQuestion.objects.filter(questions=questions, state=SetQuestion.State.DELETED, text__in=texts).delete()
    if before + len(shown.fresh) > MOST_QUESTIONS:
        raise SetFull(limit=MOST_QUESTIONS)
    made = [
        SetQuestion(
            questions=questions, text=line.text, answers=list(line.answers), gold=list(line.gold), note=line.note,
            origin=SetQuestion.Origin.IMPORTED, created_by=user,
        )
        for line in shown.fresh
    ]  # fmt: skip
    SetQuestion.objects.bulk_create(made, ignore_conflicts=True)
    return rows.count() - before


def read(data: bytes) -> list[Line]:
    """Return the lines of a file as they are written. Raises ImportUnreadable or ImportTooLarge."""
    if len(data) > MOST_MIB * 1024 * 1024:
        raise ImportTooLarge(limit_mib=MOST_MIB, limit=MOST_LINES)
    text = _decoded(data)
    lines: list[Line] = []
    for line in _from_jsonl(text) if text.lstrip().startswith("{") else _from_csv(text):
        lines.append(line)
        if len(lines) > MOST_LINES:
            raise ImportTooLarge(limit_mib=MOST_MIB, limit=MOST_LINES)
    if not lines:
        raise ImportUnreadable
    return lines


def _decoded(data: bytes) -> str:
    for encoding in _ENCODINGS if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding).replace("\0", "")
        except UnicodeDecodeError:
            continue
    raise ImportUnreadable


def _from_csv(text: str) -> Iterator[Line]:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        columns = _columns(next(reader, []))
        for row in reader:
            if any(cell.strip() for cell in row):
                yield _csv_line(reader.line_num, row, columns)
    except csv.Error as error:
        raise ImportUnreadable from error


def _columns(head: Sequence[str]) -> dict[str, int]:
    names = [cell.strip().lower() for cell in head]
    found = {key: next((names.index(name) for name in known if name in names), -1) for key, known in _NAMES.items()}
    if found["question"] < 0:
        raise ImportUnreadable
    return found


def _csv_line(number: int, row: Sequence[str], columns: Mapping[str, int]) -> Line:
    def cell(name: str) -> str:
        return unguarded(row[columns[name]]) if 0 <= columns[name] < len(row) else ""

    if columns["question"] >= len(row):
        return Line(number, "", error=LineInvalid.code)
    documents, quotes = _parts(cell("document")), _parts(cell("quote"))
    if quotes and not documents:
        return Line(number, cell("question"), error=LineInvalid.code)
    pairs = tuple(
        (document, quotes[place] if place < len(quotes) else "")
        for place, document in enumerate(documents * (len(quotes) if len(documents) == 1 and quotes else 1))
    )
    return Line(number, cell("question"), tuple(_parts(cell("answers"))), pairs, cell("note"))


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.replace("\n", PARTED).split(PARTED) if part.strip()]


def _from_jsonl(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _json_line(number, line)


def _json_line(number: int, line: str) -> Line:
    try:
        row = json.loads(line)
        text = next(row[name] for name in _NAMES["question"] if name in row)
        answers = tuple(str(answer) for answer in row.get("answers") or ())
        gold = tuple(_json_gold(entry) for entry in row.get("gold") or ())
    except (ValueError, TypeError, AttributeError, KeyError, StopIteration, RecursionError):
        return Line(number, "", error=LineInvalid.code)
    return Line(number, str(text), answers, gold, str(row.get("note") or ""))


def _json_gold(entry: Any) -> tuple[str, str]:
    if isinstance(entry, str):
        return entry, ""
    return str(entry.get("document") or entry["name"]), str(entry.get("quote") or "")


def _merged(lines: Sequence[Line]) -> list[Line]:
    """Return one line per question, with the passages and answers of all that have it."""
    merged: dict[str, Line] = {}
    for line in lines:
        key = " ".join(line.text.split())
        if line.error or not key or key not in merged:
            merged[key if key and not line.error else f"\n{line.number}"] = line
            continue
        first = merged[key]
        merged[key] = replace(first, gold=first.gold + line.gold, answers=first.answers + line.answers)
    return list(merged.values())


def _checked(line: Line, places: Places, known: set[str]) -> Checked:
    made = Checked(line.number, line.text[:200], note=" ".join(line.note.split())[:NOTE_MAX])
    if line.error:
        return replace(made, code=line.error)
    try:
        text, answers = clean_text(line.text), clean_answers(line.answers)
        gold = [places.gold(document, quote) for document, quote in dict.fromkeys(line.gold)]
        if len(gold) > MOST_GOLD:
            raise GoldInvalid(limit=MOST_GOLD)
    except AppError as error:
        return replace(made, code=error.code, params=dict(error.params))
    return replace(made, text=text, answers=answers, gold=gold, is_known=text in known)
