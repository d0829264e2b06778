"""What the assistant changes, word by word, so that a person sees it before they take it. Plain Python."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_PIECE = re.compile(r"[^,，]+[,，]?\s*")
_MOST = 400  # pieces: comparing takes their number squared


@dataclass(frozen=True, slots=True)
class Run:
    """A run of text that stays, goes or comes."""

    kind: Literal["same", "gone", "new"]
    text: str


def difference(old: str, new: str) -> list[Run]:
    """Return the runs that lead from one prompt to another; tags are compared without their commas and spaces."""
    before, after = _pieces(old), _pieces(new)
    matcher = SequenceMatcher(None, [_key(each) for each in before], [_key(each) for each in after], autojunk=False)
    runs: list[Run] = []
    for kind, from_old, to_old, from_new, to_new in matcher.get_opcodes():
        if kind == "equal":
            runs.append(Run("same", _text(after[from_new:to_new])))
            continue
        if to_old > from_old:
            runs.append(Run("gone", _text(before[from_old:to_old])))
        if to_new > from_new:
            runs.append(Run("new", _text(after[from_new:to_new])))
    return runs


def counts(runs: list[Run]) -> tuple[int, int]:
    """Return how many words come and how many go."""
    words = {kind: sum(len(run.text.split()) for run in runs if run.kind == kind) for kind in ("new", "gone")}
    return words["new"], words["gone"]


def _pieces(text: str) -> list[str]:
    return [match.group() for match in _PIECE.finditer(text.strip()[: _MOST * 40])][:_MOST]


def _key(piece: str) -> str:
    return piece.strip(" ,，\n\t").casefold()


def _text(pieces: list[str]) -> str:
    return " ".join(piece.strip() for piece in pieces)
