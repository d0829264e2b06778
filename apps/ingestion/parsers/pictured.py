"""Reads the words in the pictures of a document that says little else: scans in a letter, slides that are pictures."""

import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.ingestion.parsers.cleaning import squeeze
from apps.ingestion.parsers.types import ParseLimits

if TYPE_CHECKING:
    from apps.runtimes.contracts import Recogniser

FEW_ON_A_PAGE = 80  # characters: a slide with no more than a title beside its picture
FEW_IN_ALL = 200  # characters of a document without pages
MIN_SIDE = 300  # pixels of a picture that may be a page; smaller ones are logos and icons
MAX_READ = 40  # pictures of one document
MAX_SECONDS = 25.0  # for all of them: a child without pages has 45 s of CPU
MIN_CONFIDENCE = 0.6


@dataclass(slots=True)
class PictureReader:
    """Recognises what is written on pictures; its models are loaded for the first."""

    limits: ParseLimits
    done: int = 0
    began: float = 0.0
    _model: "Recogniser | None" = None

    def words(self, data: bytes, size: tuple[int, int]) -> str:
        """Return the lines of an encoded picture, "" where there are none or no more may be read."""
        if not self.limits.ocr_threads or min(size) < MIN_SIDE or self.done >= MAX_READ:
            return ""
        self.began = self.began or time.monotonic()
        if time.monotonic() - self.began > MAX_SECONDS:
            return ""
        self.done += 1
        return self._read(data)

    def _read(self, data: bytes) -> str:
        import numpy as np  # noqa: PLC0415  heavy: only a child that needs it loads this and the models
        from PIL import Image  # noqa: PLC0415

        from apps.runtimes import ocr  # noqa: PLC0415
        from apps.runtimes.contracts import RuntimeFailure  # noqa: PLC0415

        if self._model is None:
            self._model = ocr.load(self.limits.ocr_threads)
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            pixels = np.asarray(image.convert("RGB"))
        try:
            seen = self._model.read(pixels)
        except RuntimeFailure:
            return ""
        lines = sorted(seen.lines, key=lambda line: (line.y0 + line.y1, line.x0))
        return squeeze("\n".join(line.text for line in lines if line.confidence >= MIN_CONFIDENCE))
