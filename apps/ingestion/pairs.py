"""Questions with their answers, and rows as records, as they stand in documents. Plain Python."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from apps.ingestion.atoms import table_header
from apps.ingestion.splitting import Span
from apps.libraries.types import Block

QUESTION_MAX = 500  # characters, as in Chunk.questions
LINE_MAX = 300  # a longer line is no question
LEAST_LOOSE = 3  # paragraphs that end with a question mark count as a list of questions from here on
ASKING_PART = 0.5  # of a table's first column that must be questions

_MARKS = r"^[ \t>*_#-]{0,8}(?:\d{1,3}[.、)）][ \t]*)?"
_END = r"[*_]{0,3}[ \t]*\d{0,3}[ \t]*[*_]{0,3}[:：.、)）][*_]{0,3}[ \t]*"
_ASKED = re.compile(_MARKS + r"(?:Q|Question|问|问题|提问)" + _END, re.IGNORECASE)
_ANSWERED = re.compile(_MARKS + r"(?:A|Answer|答|答案|回答|解答)" + _END, re.IGNORECASE)
_QUESTION = re.compile(r"[?？][*_\"”’」』)）]*\s*$|[吗呢]\s*$")
_ASKING_HEADING = re.compile(
    r"^[\d.、\s]*(?:如何|怎么|怎样|为什么|为何|什么是|是否|how (?:to|do|can|does)\b)", re.IGNORECASE
)
_ASKED_COLUMN = re.compile(r"^(?:标准)?(?:question|questions|q|faq|问题|问|提问|题目|标准问)s?$", re.IGNORECASE)
_ANSWER_COLUMN = re.compile(
    r"^(?:标准)?(?:answer|answers|a|reply|response|答案|回答|答|答复|解答|内容)$", re.IGNORECASE
)
_ALIKE_COLUMN = re.compile(r"similar|alternative|相似|同义|扩展", re.IGNORECASE)
_CELLS = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """A table's row: its characters in the whole text, and its cells with their columns' names."""

    start: int
    end: int
    cells: tuple[tuple[str, str], ...]

    @property
    def record(self) -> str:
        """Return the row as one line: "City: Paris; Limit: 120"."""
        cells = ((name, " ".join(value.split())) for name, value in self.cells)
        return "; ".join(f"{name}: {value}" if name else value for name, value in cells if value)


def rows_of(blocks: Sequence[Block], starts: Sequence[int], *, are_records: bool = False) -> list[Span]:
    """Return a span for each row of the tables, shown as a record; with `are_records` each block of text is one too."""
    spans: list[Span] = []
    for block, start in zip(blocks, starts, strict=True):
        if block.kind == "table":
            rows = (row for row in table_rows(block.text, start) if row.record)
            spans += (Span(row.start, row.end, block.heading_path, text=row.record) for row in rows)
        elif are_records and block.kind in {"text", "list"} and block.text.strip():
            spans.append(Span(start, start + len(block.text), block.heading_path))
    return spans


def table_rows(text: str, start: int = 0) -> Iterator[Row]:
    """Yield the rows of a markdown table below its header; nothing for a table without one."""
    header = table_header(text)
    if not header:
        return
    names = cells_of(header.split("\n", 1)[0])
    at = 0
    for number, line in enumerate(text.split("\n")):
        end = at + len(line)
        if number > 1 and line.strip():
            cells = cells_of(line)
            padded = names + [""] * (len(cells) - len(names))
            # The first row takes the header's characters along: together the rows are the whole table.
            yield Row(start + (0 if number == 2 else at), start + end, tuple(zip(padded, cells, strict=False)))  # noqa: PLR2004
        at = end + 1


def cells_of(line: str) -> list[str]:
    """Return the cells of one line of a markdown table, unescaped."""
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return [_BREAK.sub("\n", cell).replace("\\|", "|").strip() for cell in _CELLS.split(inner)]


def pairs_of(blocks: Sequence[Block], starts: Sequence[int]) -> list[Span]:
    """Return the questions with their answers in order: from tables, from Q and A lines, from headings that ask."""
    found: list[Span] = []
    for span in sorted(_all_pairs(blocks, starts), key=lambda span: (span.start, -span.end)):
        if not found or span.start >= found[-1].end:
            found.append(span)
    return found


def _all_pairs(blocks: Sequence[Block], starts: Sequence[int]) -> Iterator[Span]:
    for block, start in zip(blocks, starts, strict=True):
        if block.kind == "table":
            yield from _table_pairs(block, start)
    lines = list(_labelled(blocks, starts))
    yield from lines
    if not lines:
        headed = list(_headed(blocks, starts))
        yield from headed or _loose(blocks, starts)


def _table_pairs(block: Block, start: int) -> Iterator[Span]:
    rows = list(table_rows(block.text, start))
    columns = _columns(rows)
    if columns is None:
        return
    asked_at, answer_at = columns
    for row in rows:
        cells = [value for _name, value in row.cells] + [""] * (1 + max(columns) - len(row.cells))
        question = " ".join(cells[asked_at].split())
        if not question or not cells[answer_at]:
            continue
        alike = [value for name, value in row.cells if _ALIKE_COLUMN.search(name)]
        rest = [
            f"{name}: {' '.join(value.split())}"
            for at, (name, value) in enumerate(row.cells)
            if at not in columns and value and not _ALIKE_COLUMN.search(name)
        ]
        others = [part.strip() for text in alike for part in re.split(r"[\n;；|]", text) if part.strip()]
        yield Span(
            row.start,
            row.end,
            block.heading_path,
            text="\n".join([question, cells[answer_at], *rest]),
            repeat=f"{question}\n",
            questions=_questions(question, *others),
        )


def _columns(rows: Sequence[Row]) -> tuple[int, int] | None:
    """Return the columns of the questions and of the answers, None for another table."""
    if not rows:
        return None
    names = [name.strip() for name, _value in rows[0].cells]
    asked = next((at for at, name in enumerate(names) if _ASKED_COLUMN.match(name)), None)
    answer = next((at for at, name in enumerate(names) if _ANSWER_COLUMN.match(name)), None)
    if asked is not None and answer is not None:
        return asked, answer
    asking = sum(bool(row.cells and _QUESTION.search(row.cells[0][1])) for row in rows)
    return (0, 1) if len(names) == 2 and asking >= len(rows) * ASKING_PART else None  # noqa: PLR2004


def _labelled(blocks: Sequence[Block], starts: Sequence[int]) -> Iterator[Span]:
    """Yield pairs of "Q: …" and what follows up to the next question, heading or table."""
    asked: list[tuple[int, int, str]] = []  # beginning, block, question; "" ends the pair before it
    answers: set[int] = set()
    for at, (block, start) in enumerate(zip(blocks, starts, strict=True)):
        if block.kind in {"heading", "table", "code"}:
            asked.append((start, at, ""))
            continue
        place = start
        for line in block.text.split("\n"):
            label = _ASKED.match(line)
            if label and line[label.end() :].strip():
                asked.append((place, at, _plain(line[label.end() :])))
            elif _ANSWERED.match(line):
                answers.add(len(asked) - 1)
            place += len(line) + 1
    whole_end = starts[-1] + len(blocks[-1].text) if blocks else 0
    for number, (here, following) in enumerate(pairwise([*asked, (whole_end, 0, "")])):
        start, at, question = here
        if question and number in answers:
            yield _pair(start, following[0], blocks[at].heading_path, question)


def _headed(blocks: Sequence[Block], starts: Sequence[int]) -> Iterator[Span]:
    """Yield headings that ask with all that stands under them."""
    for at, block in enumerate(blocks):
        if block.kind != "heading" or not _asks(block.text):
            continue
        last = at + 1
        while last < len(blocks) and _is_under(blocks[last], block):
            last += 1
        if last > at + 1:
            yield _pair(starts[at], starts[last - 1] + len(blocks[last - 1].text), block.heading_path, block.text)


def _is_under(block: Block, heading: Block) -> bool:
    path = heading.heading_path
    is_question = block.kind == "heading" and (block.heading_path == path or _asks(block.text))
    return block.heading_path[: len(path)] == path and not is_question


def _loose(blocks: Sequence[Block], starts: Sequence[int]) -> Iterator[Span]:
    """Yield short paragraphs that ask, each with the paragraphs behind it, where a document has some of them."""
    asking = [at for at, block in enumerate(blocks) if block.kind in {"text", "list"} and _asks(block.text)]
    pairs = [pair for pair in pairwise([*asking, len(blocks)]) if pair[1] > pair[0] + 1]
    if len(pairs) < LEAST_LOOSE:
        return
    for at, following in pairs:
        path = blocks[at].heading_path
        last = at + 1
        while last < following and blocks[last].kind != "heading":
            last += 1
        if last > at + 1:
            yield _pair(starts[at], starts[last - 1] + len(blocks[last - 1].text), path, blocks[at].text)


def _asks(text: str) -> bool:
    line = text.strip()
    if len(line) > LINE_MAX or "\n" in line:
        return False
    return bool(_QUESTION.search(line) or _ASKING_HEADING.match(line))


def _pair(start: int, end: int, path: tuple[str, ...], question: str) -> Span:
    asked = _plain(question)
    return Span(start, end, path, repeat=f"{asked}\n", questions=_questions(asked))


def _questions(*questions: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(question[:QUESTION_MAX] for question in questions if question))


def _plain(text: str) -> str:
    return " ".join(text.strip().strip("*_ ").split())
