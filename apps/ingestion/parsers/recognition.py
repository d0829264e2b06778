"""OCR of the pages of one document: by what is known, in shifts, and told to the host page by page."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.ingestion.parsers.cleaning import clean
from apps.ingestion.parsers.pdf_lines import Line
from apps.ingestion.parsers.turning import turned_size
from apps.ingestion.parsers.types import PageSetting, Refused, Task
from apps.libraries.types import Box, PageRead, RecognisedLine

if TYPE_CHECKING:
    from apps.runtimes.contracts import Picture, Recogniser

DPI = 200  # 10 point type is then 28 pixels high; the recogniser works at 48
NOISE_CHARS = 3
NOISE_CONFIDENCE = 0.8  # a page of so few characters, less sure than this, holds a stain and no text
_TEXT_HEIGHT = 0.78  # of a detected box: the font size
_SAME_SIZE = 0.28  # heights of lines vary with their letters; only beyond this share is a line larger type
_TALL = 1.5


@dataclass(slots=True)
class Recognition:
    """Reads pictures of pages for one task; the models are loaded when the first page needs them."""

    task: Task
    done: int = 0
    began: float = 0.0
    _model: "Recogniser | None" = None

    @property
    def is_on(self) -> bool:
        """Return whether OCR is allowed here."""
        return self.task.limits.ocr_threads > 0

    def setting(self, number: int) -> PageSetting:
        """Return how a person wants a page to be read."""
        return self.task.pages.get(number, PageSetting())

    def page(self, number: int, total: int, picture: Callable[[int], "Picture"]) -> PageRead:
        """Return the page as recognised now or before; `picture(dpi)` draws it.

        Raises Refused `unfinished` when the shift is over: what was told is known in the next.
        """
        if number in self.task.known:
            return self.task.known[number]
        if self.done and self._is_over():
            raise Refused("unfinished", done=number - 1, total=total)
        if not self.done:
            self.began = time.monotonic()
        self.done += 1
        self.task.tell(PageRead(number, "failed"))  # begun: a page that kills us is known by this
        read = self._recognise(number, picture)
        self.task.tell(read)
        return read

    def _is_over(self) -> bool:
        """Return whether the shift ends: by the clock, or because many threads used the CPU time of a parse up."""
        limits = self.task.limits
        took = time.monotonic() - self.began
        return took > min(limits.ocr_shift_s, limits.wall_s / 2) or time.process_time() > limits.cpu_s / 2

    def _recognise(self, number: int, picture: Callable[[int], "Picture"]) -> PageRead:
        from apps.runtimes import ocr  # noqa: PLC0415  heavy: only a child that needs it loads the models
        from apps.runtimes.contracts import RuntimeFailure  # noqa: PLC0415  brings numpy

        setting = self.setting(number)
        if self._model is None:
            self._model = ocr.load(self.task.limits.ocr_threads)
        try:
            seen = self._model.read(picture(setting.dpi or DPI), turn=setting.rotation, threshold=setting.threshold)
        except RuntimeFailure:
            return PageRead(number, "failed")
        lines = tuple(
            RecognisedLine(
                Box(number, *(round(edge, 4) for edge in (line.x0, line.y0, line.x1, line.y1))), text, line.confidence
            )
            for line in seen.lines
            if (text := clean(line.text).strip())
        )
        return _summary(number, seen.turn, lines)


def _summary(number: int, turn: int, lines: tuple[RecognisedLine, ...]) -> PageRead:
    chars = sum(len(line.text) for line in lines)
    confidence = sum(line.confidence * len(line.text) for line in lines) / chars if chars else None
    if confidence is None or (chars <= NOISE_CHARS and confidence < NOISE_CONFIDENCE):
        return PageRead(number, "empty")
    return PageRead(number, "ocr", chars, round(confidence, 4), turn, lines)


def lines_of(read: PageRead, size: tuple[float, float], turn: int) -> list[Line]:
    """Return recognised lines as lines of a page of this size (width, height in points), once turned by `turn`."""
    width, height = turned_size(size, turn)
    high = sorted((line.box.y1 - line.box.y0) * height for line in read.lines)
    usual = high[len(high) // 2] if high else 0.0
    return [_line(line, width, height, usual) for line in _in_order(read.lines)]


def _in_order(lines: Sequence[RecognisedLine]) -> list[RecognisedLine]:
    return sorted(lines, key=lambda line: (line.box.y0 + line.box.y1, line.box.x0))


def _line(line: RecognisedLine, width: float, height: float, usual: float) -> Line:
    box, text = line.box, line.text
    x0, y0, x1, y1 = box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height
    is_tall = y1 - y0 > _TALL * (x1 - x0) and len(text) > 1
    tall = x1 - x0 if is_tall else y1 - y0
    size = usual if abs(tall - usual) <= _SAME_SIZE * usual else tall
    is_hyphenated = len(text) > 1 and text[-1] in "-\u00ad" and text[-2].isalpha()
    return Line(
        text[:-1] if is_hyphenated else text,
        x0, y0, x1, y1,
        max(1.0, size * _TEXT_HEIGHT),
        is_hyphenated=is_hyphenated,
        turn=1 if is_tall else 0,
    )  # fmt: skip
