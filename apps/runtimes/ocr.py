"""Recognises text in pictures by the PP-OCRv6 models inside the RapidOCR package, on onnxruntime.

RapidOCR's detector and recogniser are used as they are. What is ours is around them: the detector sees a smaller
picture than the recogniser (most of the time is the detector's), and the page is turned upright as a whole, by what
its lines say, where RapidOCR turns each line by itself. Knows no Django: it runs in the parser's confined child.
"""

import logging
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from apps.runtimes.contracts import Picture, RuntimeFailure, SeenLine, SeenPage
from apps.runtimes.ocr_geometry import QUARTER, Quad, cut, is_tall, sizes, skew, turned, upright

DET_PIXELS = 1_200_000  # that the detector sees at once: 300 MB; memory and time grow with it
DET_MAX_SIDE = 4_000
DET_MIN_SIDE = 736  # smaller pictures are enlarged, as RapidOCR does by default
FINE_LINE = 13.0  # detected lines lower than this, in pixels, are small print
FINE_SCALE = 1.6  # small print is looked at so much closer, band by band
BAND_OVERLAP = 0.12  # of a band's height, at both of its ends: a line is taken from the band its middle lies in
MAX_LINES = 1_500
REC_BATCH = 4  # long lines need 60 MB each
SURE = 0.88  # a sample recognised so well was held the right way up
SAMPLE = 4  # lines that decide how the page is turned
_MIN_CONFIDENCE = 0.5
_UPSIDE_DOWN = 180
_WORTH = 1.05  # another turn has to be so much better


class RapidRecogniser:
    """Reads pages. One thread at a time; holds about 300 MB while it works."""

    name = "PP-OCRv6 small"

    def __init__(self, threads: int) -> None:
        self._detect, self._recognise = _models(threads)

    def read(self, picture: Picture, *, turn: int | None = None, threshold: float = 0.0) -> SeenPage:
        """Return the lines of an RGB picture, shape (height, width, 3), in no particular order.

        `turn` tells by how many degrees clockwise the picture is to be turned; None finds out. Raises RuntimeFailure.
        """
        try:
            return self._read(picture, turn, threshold)
        except MemoryError:
            raise
        except Exception as error:  # RapidOCR wraps what onnxruntime and OpenCV raise in classes of its own
            message = f"OCR broke on a picture of {picture.shape[1]} by {picture.shape[0]} pixels."
            raise RuntimeFailure(message) from error

    def _read(self, picture: Picture, turn: int | None, threshold: float) -> SeenPage:
        bgr = np.ascontiguousarray(picture[:, :, ::-1])
        quads = self._quads(bgr)
        if not quads:
            return SeenPage(turn or 0, ())
        runs = (QUARTER * 4 - turn) % (QUARTER * 4) if turn is not None else self._direction(bgr, quads)
        across = [is_tall(quad) == (runs % _UPSIDE_DOWN != 0) for quad in quads]
        held = [turned(quad, runs if fits else _sideways(runs)) for quad, fits in zip(quads, across, strict=True)]
        along = [quad for quad, fits in zip(held, across, strict=True) if fits]
        lean = skew(along)
        degrees = (-(runs + lean)) % (QUARTER * 4)
        texts = self._texts(bgr, held)
        return SeenPage(degrees, _lines(held, texts, (bgr.shape[1], bgr.shape[0]), degrees, threshold))

    def _quads(self, bgr: Picture) -> list[Quad]:
        """Return the boxes of lines; a second, closer look is taken at small print."""
        height, width = bgr.shape[:2]
        scale = min(math.sqrt(DET_PIXELS / (height * width)), DET_MAX_SIDE / max(height, width))
        scale = min(scale, max(1.0, DET_MIN_SIDE / min(height, width)))
        quads = self._look(bgr, scale)
        if quads and scale < 1 and float(np.median([min(sizes(quad)) for quad in quads])) * scale < FINE_LINE:
            quads = self._look_closely(bgr, quads, min(1.0, scale * FINE_SCALE))
        return quads[:MAX_LINES]

    def _look(self, bgr: Picture, scale: float) -> list[Quad]:
        """Return the boxes that the detector finds on a picture resized by `scale`."""
        height, width = bgr.shape[:2]
        size = (max(32, round(width * scale)), max(32, round(height * scale)))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        found = self._detect(
            np.asarray(bgr if scale == 1 else cv2.resize(bgr, size, interpolation=how), np.uint8)
        ).boxes
        if found is None:
            return []
        factor = np.array([width / size[0], height / size[1]], dtype=np.float32)
        return [np.asarray(quad, dtype=np.float32) * factor for quad in found]

    def _look_closely(self, bgr: Picture, quads: Sequence[Quad], scale: float) -> list[Quad]:
        """Return the boxes found in bands along the lines, so that a closer look needs no more memory."""
        axis = 1 if sum(map(is_tall, quads)) > len(quads) / 2 else 0  # rows of pixels, or columns for sideways text
        whole, other = bgr.shape[axis], bgr.shape[1 - axis]
        core = max(64, round(DET_PIXELS / (other * scale * scale) * (1 - 2 * BAND_OVERLAP)))
        margin, found = round(core * BAND_OVERLAP), []
        for begin in range(0, whole, core):
            first, last = max(0, begin - margin), min(whole, begin + core + margin)
            band = np.ascontiguousarray(bgr[first:last] if axis == 0 else bgr[:, first:last])
            for quad in self._look(band, scale):
                quad[:, 1 - axis] += first
                if begin <= float(quad[:, 1 - axis].mean()) < begin + core:
                    found.append(quad)
        return found

    def _direction(self, bgr: Picture, quads: Sequence[Quad]) -> int:
        """Return by how many degrees clockwise from left to right the text of the page runs."""
        tall = sum(max(sizes(quad)) for quad in quads if is_tall(quad))
        wide = sum(max(sizes(quad)) for quad in quads if not is_tall(quad))
        candidates = (QUARTER, 3 * QUARTER) if tall > wide else (0, _UPSIDE_DOWN)
        sample = sorted((quad for quad in quads if is_tall(quad) == (tall > wide)), key=lambda quad: -max(sizes(quad)))
        best, best_score = candidates[0], 0.0
        for candidate in candidates:
            score = _quality(self._texts(bgr, [turned(quad, candidate) for quad in sample[:SAMPLE]]))
            if score >= SURE:
                return candidate
            if score > best_score * _WORTH:
                best, best_score = candidate, score
        return best

    def _texts(self, bgr: Picture, quads: Sequence[Quad]) -> list[tuple[str, float]]:
        """Return what each line says and how sure the model is."""
        from rapidocr.ch_ppocr_rec import TextRecInput  # noqa: PLC0415  heavy, and only in a child that needs it

        if not quads:
            return []
        read = self._recognise(TextRecInput(img=[cut(bgr, quad) for quad in quads], return_word_box=False))
        return [(str(text), float(score)) for text, score in zip(read.txts, read.scores, strict=True)]


@cache
def load(threads: int) -> RapidRecogniser:
    """Return the recogniser, loaded once per process. Raises RuntimeFailure where a package lacks."""
    try:
        return RapidRecogniser(threads)
    except (ImportError, OSError) as error:
        message = "OCR needs the packages rapidocr and onnxruntime; run make setup."
        raise RuntimeFailure(message) from error


def _models(threads: int) -> tuple[Any, Any]:
    """Return RapidOCR's detector and recogniser on the models in its wheel; nothing is ever fetched."""
    import rapidocr  # noqa: PLC0415  heavy, and only in a child that needs it
    from rapidocr.ch_ppocr_det import TextDetector  # noqa: PLC0415
    from rapidocr.ch_ppocr_rec import TextRecognizer  # noqa: PLC0415
    from rapidocr.utils.parse_parameters import ParseParams  # noqa: PLC0415

    cv2.setNumThreads(1)
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    home = Path(rapidocr.__file__).parent
    config = ParseParams.load(home / "config.yaml")
    engine = config.EngineConfig.onnxruntime
    engine.intra_op_num_threads, engine.inter_op_num_threads = threads, 1
    for part, model in ((config.Det, "PP-OCRv6_det_small.onnx"), (config.Rec, "PP-OCRv6_rec_small.onnx")):
        part.engine_cfg, part.model_root_dir, part.model_path = (
            engine,
            str(home / "models"),
            str(home / "models" / model),
        )
    config.Det.limit_type, config.Det.limit_side_len = "max", DET_MAX_SIDE + 64  # we resize ourselves
    config.Rec.font_path, config.Rec.rec_batch_num = None, REC_BATCH
    return TextDetector(config.Det), TextRecognizer(config.Rec)


def _sideways(runs: int) -> int:
    """Return how a line beside the page's own direction is read: from the top down, as the page is held."""
    return (runs + QUARTER) % (4 * QUARTER)


def _quality(texts: Sequence[tuple[str, float]]) -> float:
    """Return the mean confidence, weighed by length."""
    weights = [len(text) for text, _score in texts]
    return sum(len(text) * score for text, score in texts) / sum(weights) if sum(weights) else 0.0


def _lines(
    quads: Sequence[Quad],
    texts: Sequence[tuple[str, float]],
    size: tuple[int, int],
    degrees: int,
    threshold: float,
) -> tuple[SeenLine, ...]:
    """Return the lines that are sure enough, in fractions of the upright page."""
    found = []
    for quad, (text, score) in zip(quads, texts, strict=True):
        if not text.strip() or score < (threshold or _MIN_CONFIDENCE):
            continue
        corners = np.clip(upright(quad, size, degrees), 0.0, 1.0)
        x0, y0 = corners.min(axis=0)
        x1, y1 = corners.max(axis=0)
        found.append(SeenLine(text.strip(), score, float(x0), float(y0), float(x1), float(y1)))
    return tuple(found)
