"""Editors' answers in place of a search: what a look-up gives, and how such an answer is shown. Plain Python."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.rag.types import Curated, Passage

_LAST_IS_PROSE = re.compile(r"(?:\A|\n)(?! {4}|\t)[ ]{0,3}(?:[-*+] +|\d+[.)] +)?[^\s|>#`~=*_-][^\n]*\Z")


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look for an editor's answer found: the answer, if there is one, and the candidates for the trace."""

    curated: Curated | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def with_mark(answer: str) -> str:
    """Return the answer with the mark of its one source, unless it ends in a table, code or a rule."""
    text = answer.rstrip()
    if text.count("```") % 2 or text.count("~~~") % 2 or not _LAST_IS_PROSE.search(text):
        return text
    return f"{text} [1]"


def passage_of(curated: Curated) -> Passage:
    """Return the answer in the shape of a passage; its ids are those of no chunk, document or version."""
    return Passage(
        chunk_id=curated.curated_id,
        document_id=curated.curated_id,
        version_id=curated.curated_id,
        library_id=curated.library_id,
        document_name=curated.question,
        text=curated.answer,
        char_to=len(curated.answer),
        score=curated.likeness,
    )
