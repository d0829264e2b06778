"""Where the two parts of a split passage stand: its boxes and characters, shared out by length."""

from typing import Any

from apps.libraries.models import Chunk

BoxRow = list[float]  # [page, x0, y0, x1, y1], fractions of the page

NEAR = 0.002  # of the page: as good as equal
NEAR_EDGE = 0.15  # a cut so near the edge of a box is meant to be at the edge


def split_place(chunk: Chunk, share: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the place fields of the two parts; `share` (0..1) of the text goes to the first.

    Boxes are those of paragraphs or lines, so the cut inside a box is a guess by its height.
    """
    first, second = cut_boxes(chunk.boxes, share)
    middle = chunk.char_from + round((chunk.char_to - chunk.char_from) * share)
    tokens = round(chunk.tokens * share)
    pages = [int(box[0]) for box in first], [int(box[0]) for box in second]
    head = {
        "boxes": first,
        "page_from": chunk.page_from,
        "page_to": max(pages[0]) if pages[0] else chunk.page_to,
        "char_from": chunk.char_from,
        "char_to": middle,
        "tokens": tokens,
    }
    tail = {
        "boxes": second,
        "page_from": min(pages[1]) if pages[1] else chunk.page_from,
        "page_to": chunk.page_to,
        "char_from": middle,
        "char_to": chunk.char_to,
        "tokens": chunk.tokens - tokens,
    }
    return head, tail


def cut_boxes(boxes: list[BoxRow], share: float) -> tuple[list[BoxRow], list[BoxRow]]:
    """Return the boxes before and behind the cut, measured by area; the box that is cut is in both, as two strips."""
    left = share * sum(_area(box) for box in boxes)
    first: list[BoxRow] = []
    for at, box in enumerate(boxes):
        area = _area(box)
        if left >= area:
            first.append(box)
            left -= area
            continue
        share_of_box = left / area if area else 0.0
        if share_of_box < NEAR_EDGE:
            return first, boxes[at:]
        if share_of_box > 1 - NEAR_EDGE:
            return [*first, box], boxes[at + 1 :]
        page, x0, y0, x1, y1 = box
        middle = round(y0 + (y1 - y0) * share_of_box, 4)
        return [*first, [page, x0, y0, x1, middle]], [[page, x0, middle, x1, y1], *boxes[at + 1 :]]
    return first, []


def joined_boxes(first: list[BoxRow], second: list[BoxRow]) -> list[BoxRow]:
    """Return the boxes of both; where the second goes on with the same column, the strips at the seam become one."""
    if not first or not second:
        return [*first, *second]
    (page, x0, y0, x1, y1), (other, left, top, right, bottom) = first[-1], second[0]
    is_seam = page == other and abs(x0 - left) < NEAR and abs(x1 - right) < NEAR and abs(top - y1) < NEAR
    if not is_seam:
        return [*first, *second]
    return [*first[:-1], [page, min(x0, left), y0, max(x1, right), bottom], *second[1:]]


def _area(box: BoxRow) -> float:
    return max(0.0, box[3] - box[1]) * max(0.0, box[4] - box[2])
