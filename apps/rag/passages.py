"""Which passages are given to the model, and how much of each. Plain Python."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from apps.rag.overlap import Weights, terms
from apps.rag.sentences import split
from apps.rag.types import Cite, Passage

LONGEST_OVERLAP = 2_000  # characters that neighbouring chunks may share
SAME_TEXT = 0.9  # share of terms above which one passage repeats another


@dataclass(frozen=True, slots=True)
class Given:
    """A passage and the part of its text that the answer may use; `number` counts from 1."""

    number: int
    passage: Passage
    text: str


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be given: passages, tokens of all and of each, by the model's own `count`."""

    passages: int
    tokens: int
    tokens_each: int
    count: Callable[[str], int]


def pack(question: str, found: Sequence[Passage], room: Room) -> tuple[Given, ...]:
    """Return the passages to give, best first.

    Repeats are left out, a chunk that has a section is read as that section, neighbouring chunks of one document become
    one passage (at the place of the better), and of what is too long the sentences nearest to the question are given.
    """
    given: list[Given] = []
    left = room.tokens
    for passage in merge_neighbours(distinct(one_per_section(found))[: room.passages]):
        text = focus(question, passage.reading, min(left, room.tokens_each), room.count)
        if not text:
            break
        given.append(Given(len(given) + 1, passage, text))
        left -= room.count(text)
    return tuple(given)


def focus(question: str, text: str, tokens: int, count: Callable[[str], int]) -> str:
    """Return the run of sentences of `text` that has at most `tokens` tokens and says most about the question."""
    if tokens <= 0:
        return ""
    if count(text) <= tokens:
        return text
    sentences = split(text)
    held = [frozenset(terms(sentence.text)) for sentence in sentences]
    weights, wanted = Weights(held), frozenset(terms(question))
    gains = [weights.coverage(wanted, each) for each in held]
    costs = [count(sentence.text) + 1 for sentence in sentences]
    first, last = _best_run(gains, costs, tokens)
    if first == last:
        return _cut(sentences[first].text, tokens, count)
    return text[sentences[first].start : sentences[last - 1].end]


def _best_run(gains: Sequence[float], costs: Sequence[int], tokens: int) -> tuple[int, int]:
    """Return [first, last) of the run with the highest sum of gains that costs at most `tokens`; earlier ones win.

    Where not even the best sentence fits, both are its place.
    """
    best, chosen = -1.0, (0, 0)
    first, cost, gain = 0, 0, 0.0
    for last, (more_gain, more_cost) in enumerate(zip(gains, costs, strict=True), start=1):
        cost, gain = cost + more_cost, gain + more_gain
        while cost > tokens:
            cost, gain = cost - costs[first], gain - gains[first]
            first += 1
        if last > first and gain > best + 1e-9:
            best, chosen = gain, (first, last)
    top = max(range(len(gains)), key=lambda place: gains[place])
    return chosen if costs[top] <= tokens else (top, top)


def _cut(text: str, tokens: int, count: Callable[[str], int]) -> str:
    have = count(text)
    while have > tokens and text:
        text = text[: min(len(text) - 1, int(len(text) * tokens / have))].rstrip()
        have = count(text)
    return text


def one_per_section(found: Iterable[Passage]) -> list[Passage]:
    """Return the passages less those whose section is read already for a better one."""
    kept: dict[UUID, Passage] = {}
    for passage in found:
        kept.setdefault(passage.section.section_id if passage.section else passage.chunk_id, passage)
    return list(kept.values())


def where_it_stands(cite: Cite) -> Cite:
    """Return the citation with the place of its section where the quote is not in the chunk that was found."""
    section = cite.passage.section
    if section is None or cite.quote in cite.passage.text or cite.quote not in section.text:
        return cite
    place = replace(
        cite.passage,
        text=section.text,
        heading_path=section.heading_path,
        page_from=section.page_from,
        page_to=section.page_to,
        boxes=(),
        char_from=section.char_from,
        char_to=section.char_to,
    )
    return replace(cite, passage=place)


def distinct(found: Iterable[Passage]) -> list[Passage]:
    """Return the passages less those whose text an earlier one has: copies of one file, or boilerplate."""
    kept: list[Passage] = []
    seen: list[frozenset[str]] = []
    for passage in found:
        held = frozenset(terms(passage.reading))
        if held and not any(len(held & other) >= SAME_TEXT * max(len(held), len(other)) for other in seen):
            seen.append(held)
            kept.append(passage)
    return kept


def merge_neighbours(passages: Iterable[Passage]) -> list[Passage]:
    """Return the passages with those that follow one another in a document joined, at the place of the better."""
    merged: list[Passage] = []
    for passage in passages:
        place, joined = _place_of_neighbour(merged, passage)
        while joined is not None:  # what was joined may now touch a third
            merged[place] = joined
            rest = merged[:place] + merged[place + 1 :]
            other, joined = _place_of_neighbour(rest, merged[place])
            if joined is not None:
                merged, place = rest, other
        if place < 0:
            merged.append(passage)
    return merged


def _place_of_neighbour(merged: Sequence[Passage], passage: Passage) -> tuple[int, Passage | None]:
    for place, other in enumerate(merged):
        joined = _join(other, passage)
        if joined is not None:
            return place, joined
    return -1, None


def _join(better: Passage, other: Passage) -> Passage | None:
    """Return both as one passage with the evidence of the better, or None where they are not neighbours."""
    if better.section is not None or other.section is not None:
        return None
    if better.version_id != other.version_id or better.heading_path != other.heading_path:
        return None
    before, behind = sorted((better, other), key=lambda passage: (passage.char_from, passage.char_to))
    if not before.char_from < behind.char_from <= before.char_to + len("\n\n") or behind.char_to <= before.char_to:
        return None
    shared = _shared(before.text, behind.text)
    if not shared and behind.char_from < before.char_to:
        return None  # the texts are not what their offsets say
    return replace(
        better,
        text=before.text + ("" if shared else "\n\n") + behind.text[shared:],
        ordinal=before.ordinal,
        page_from=before.page_from,
        page_to=behind.page_to,
        boxes=tuple(dict.fromkeys(before.boxes + behind.boxes)),
        char_from=before.char_from,
        char_to=behind.char_to,
    )


def _shared(before: str, behind: str) -> int:
    """Return how many characters the end of `before` and the beginning of `behind` have in common."""
    for length in range(min(len(before), len(behind), LONGEST_OVERLAP), 0, -1):
        if before.endswith(behind[:length]):
            return length
    return 0
