"""Writes JSON values as people read them: one record a block, "name: value" line by line."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apps.ingestion.parsers.cleaning import clean

MAX_DEPTH = 60
MAX_INLINE = 120  # characters of a list of plain values on one line
LABELS = ("title", "name", "label", "heading", "subject", "question", "id", "标题", "名称", "姓名", "问题")


def is_plain(value: Any) -> bool:
    """Return whether a value is neither an object nor an array."""
    return not isinstance(value, dict | list)


def is_records(value: Any) -> bool:
    """Return whether a value is an array with objects in it."""
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def record_text(value: Any) -> str:
    """Return a value as lines, nested ones indented by two spaces a level."""
    return "\n".join(line for line in _lines(value, 0) if line.strip())


def label_of(record: Any) -> str:
    """Return what a record calls itself, for its heading; "" where it does not."""
    if not isinstance(record, dict):
        return ""
    lowered = {str(key).lower(): value for key, value in record.items()}
    for key in LABELS:
        value = lowered.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(str(value)) <= MAX_INLINE:
            return clean(str(value)).replace("\n", " ").strip()
    return ""


def _lines(value: Any, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        yield "…"
    elif isinstance(value, dict):
        yield from _object(value, depth)
    elif isinstance(value, list):
        yield from _array(value, depth)
    else:
        yield "  " * depth + plain(value)


def _object(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, item in value.items():
        name = clean(str(key)).replace("\n", " ")
        short = _inline(item)
        if short is not None:
            if short:
                yield f"{pad}{name}: {short}"
        else:
            yield f"{pad}{name}:"
            yield from _lines(item, depth + 1)


def _array(value: Sequence[Any], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for item in value:
        if is_plain(item):
            yield f"{pad}- {plain(item)}"
        else:
            first, *rest = [*_lines(item, depth + 1), ""]
            yield f"{pad}- {first.strip()}"
            yield from rest


def _inline(value: Any) -> str | None:
    """Return a value that fits behind its name, "" for nothing; None for one that needs lines of its own."""
    if is_plain(value):
        return plain(value)
    if not value:
        return ""
    if isinstance(value, list) and all(map(is_plain, value)):
        text = ", ".join(map(plain, value))
        return text if len(text) <= MAX_INLINE else None
    return None


def plain(value: Any) -> str:
    """Return a plain value as text: null is nothing, as in a form that was not filled in."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return clean(str(value))
