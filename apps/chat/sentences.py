"""The sentences of an answer as they were judged: stored with it, and marked where its sources bear them out weakly."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from apps.chat.models import Message
from apps.core.markdown import Stretch
from apps.rag.types import Sentence

MARKED = frozenset({"weak", "unsupported"})


def stored(sentences: Iterable[Sentence]) -> list[dict[str, Any]]:
    """Return the sentences as JSON values, in the order of the text."""
    return [asdict(sentence) for sentence in sentences]


def stretches_of(answer: Message) -> tuple[Stretch, ...]:
    """Return the parts of the answer's text that are to be marked, in order, none of which overlaps another."""
    found: list[Stretch] = []
    behind = 0
    for sentence in sorted(answer.sentences, key=lambda each: int(each["start"])):
        start, end, state = int(sentence["start"]), int(sentence["end"]), str(sentence["state"])
        if state in MARKED and behind <= start < end <= len(answer.text):
            found.append((start, end, state))
            behind = end
    return tuple(found)
