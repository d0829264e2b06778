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


@dataclass(frozen=True, slots=True)
class Style:
    """What a style puts around the prompt and around the negative prompt; either may be empty, not both."""

    name: str
    prompt: str = ""
    negative: str = ""


@dataclass(frozen=True, slots=True)
class Unstyled:
    """Prompts without their styles, and the names of these in the order in which they are applied."""

    prompt: str
    negative: str
    names: tuple[str, ...] = ()


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
    whole = strip_comments(prompt).strip()
    for style in styles:
        whole = apply_style(strip_comments(style).strip(), whole)
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


def extract_styles(styles: Iterable[Style], prompt: str, negative: str) -> Unstyled:
    """Return the prompts without the styles that were applied to them: each once, the last applied taken off first.

    A style was applied where all that it has is found, around both prompts.
    """
    left = [style for style in styles if style.prompt.strip() or style.negative.strip()]
    taken: list[str] = []
    while True:
        found = next(filter(None, (_taken_off(style, prompt, negative) for style in left)), None)
        if found is None:
            return Unstyled(prompt, negative, tuple(reversed(taken)))
        style, prompt, negative = found
        left.remove(style)
        taken.append(style.name)


def _taken_off(style: Style, prompt: str, negative: str) -> tuple[Style, str, str] | None:
    """Return the style with the prompts that it was applied to, None where it was not."""
    parts = []
    for words, whole in ((style.prompt, prompt), (style.negative, negative)):
        frame = strip_comments(words).strip()
        part = extract_style(frame, whole) if frame else Extracted(was_there=True, prompt=whole)
        if not part.was_there:
            return None
        parts.append(part.prompt)
    return style, parts[0], parts[1]
