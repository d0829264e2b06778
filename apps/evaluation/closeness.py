"""How often a close question gets a curated answer, and how often a question that only looks close does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from apps.rag.closeness import Verdict, compare
from apps.rag.fusion import language_of
from apps.rag.types import Language
from apps.runtimes.contracts import Embedder

DATA = Path(__file__).parent / "data"
SETS = ("close_questions", "close_questions_held")
KINDS = {"n": "number", "e": "name or thing", "o": "opposite", "k": "kind of answer", "q": "condition", "": "the same"}


@dataclass(frozen=True, slots=True)
class Pair:
    """A question beside the wording of a curated answer; `differs` says by what, "" where they ask for the same."""

    wording: str
    question: str
    differs: str

    @property
    def language(self) -> Language:
        """Return the language of the pair."""
        return language_of(self.wording)


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair with the cosine of its vectors and what the rules say of it."""

    pair: Pair
    cosine: float
    verdict: Verdict


def load(name: str) -> Iterator[Pair]:
    """Yield the pairs of a set: lines `? wording`, `= the same`, `!e another thing`."""
    wording = ""
    for line in (DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        sign, text = line[:1], line[1:].strip()
        if sign == "?":
            wording = text
        elif sign == "=":
            yield Pair(wording, text, "")
        elif sign == "!":
            yield Pair(wording, line[2:].strip(), line[1])


def judge(pairs: Sequence[Pair], embedder: Embedder, floor: float) -> list[Judged]:
    """Return what the rules say of each pair; `floor` is the model's cosine of unrelated texts."""
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.wording, pair.question)))
    vectors = dict(zip(texts, embedder.embed_queries(texts), strict=True))
    judged = []
    for pair in pairs:
        cosine = float(vectors[pair.wording] @ vectors[pair.question])
        verdict = compare(pair.question, pair.wording, cosine, embedder.embed_queries, floor=floor)
        judged.append(Judged(pair, cosine, verdict))
    return judged
