"""Styles: texts that are put around a prompt (`{prompt}`) or behind it, and taken off again.

Reference: media.md case 57, after the docstring of AUTOMATIC1111's `modules/styles.py`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from apps.images.grammar.errors import require_length

PLACE = "{prompt}"
_COMMENT_LINE = re.compile(r"(?:^|\n)#[^\n]*(?:\n|$)")
_COMMENT = re.compile(r"#[^\n]*(?:\n|$)")


@dataclass(frozen=True, slots=True)
class Extracted:
    """What is left of a prompt without a style; `was_there` tells whether the style was in it."""

    was_there: bool
    prompt: str


def strip_comments(text: str) -> str:
    """Return the text without what stands behind a `#`, and without lines of comment."""
    return _COMMENT.sub("\n", _COMMENT_LINE.sub("\n", text))


def apply_style(style: str, prompt: str) -> str:
    """Return the prompt in its place in the style; where the style has no `{prompt}`, before it, parted by a comma."""
    if PLACE in style:
        whole = style.replace(PLACE, prompt)
    else:
        whole = ", ".join(part for part in (prompt.strip(), style.strip()) if part)
    require_length(whole)
    return whole


def apply_styles(styles: Iterable[str], prompt: str) -> str:
    """Return the prompt with one style after the other; comments of the prompt are gone first."""
    whole = strip_comments(prompt)
    for style in styles:
        whole = apply_style(strip_comments(style), whole)
    return whole


def extract_style(style: str, prompt: str) -> Extracted:
    """Return the prompt that the style was applied to: the inverse of `apply_style`, or the same where it was not."""
    whole, frame = prompt.strip(), style.strip()
    if PLACE in frame:
        left, _, right = frame.partition(PLACE)
        if len(whole) >= len(left) + len(right) and whole.startswith(left) and whole.endswith(right):
            return Extracted(was_there=True, prompt=whole[len(left) : len(whole) - len(right)])
    elif frame and (whole == frame or whole.endswith(f", {frame}")):
        return Extracted(was_there=True, prompt=whole.removesuffix(frame).removesuffix(", "))
    return Extracted(was_there=False, prompt=prompt)
