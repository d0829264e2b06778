"""Chunks in any number whose words and vectors lie as those of real text.

Real passages are cut from given texts and embedded once by the product's own model. A chunk of the corpus joins
sentences of two passages of one neighbourhood, and its vector lies between theirs with a little noise: so term
frequencies follow the texts, and the vectors keep the narrow cone and the clusters of the model's own.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from django.conf import settings

from apps.catalog.models import AIModel
from apps.catalog.services import spec_of
from apps.evaluation.sets import SetUnreadable, load
from apps.rag.sentences import split
from apps.runtimes import registry
from apps.runtimes.contracts import Floats

PASSAGES = 4_000  # embedded once, then kept below var/bench
PASSAGE_WEIGHT = 260.0  # about 320 tokens of the embedding model: a usual chunk
LONGEST_SENTENCE = 600  # characters
NEIGHBOURS = 24  # a chunk joins two passages that are that near to each other
NOISE = 0.22  # length of the noise beside a unit vector: cosine about 0.95 between a chunk and its own passages
QUESTIONS = 240
_HAN = re.compile(r"[\u3400-\u9fff]")
_MARKUP = re.compile(r"[`*#|>]+")


@dataclass(frozen=True, slots=True)
class Drawn:
    """Chunks of the corpus: the sentences of each, by number, and the vectors, of shape (chunks, dimensions)."""

    sentences: list[list[int]]
    vectors: Floats


class Corpus:
    """Real passages with their vectors, from which chunks are drawn; the same in every run over the same texts."""

    def __init__(self, model: AIModel, data: Path | None) -> None:
        texts, questions = _texts(data)
        self.sentences, self._passages = _passages(texts)
        self.questions = _questions(questions or self.sentences)
        self.source = str(data.name) if data else "the repository's own documents"
        self.vectors, self.question_vectors = self._embedded(model)

    def draw(self, count: int, *, seed: int = 7, at_once: int = 5_000) -> Iterator[Drawn]:
        """Yield `count` chunks in parts of at most `at_once`."""
        rng = np.random.default_rng(seed)
        for start in range(0, count, at_once):
            yield self._drawn(rng, min(at_once, count - start))

    def text(self, sentences: Sequence[int]) -> str:
        """Return the text of a chunk."""
        return " ".join(self.sentences[number] for number in sentences)

    def _drawn(self, rng: np.random.Generator, count: int) -> Drawn:
        first = rng.integers(0, len(self._passages), count)
        second = self._near[first, rng.integers(0, self._near.shape[1], count)]
        share = rng.uniform(0.5, 1.0, (count, 1)).astype(np.float32)
        noise = rng.normal(size=(count, self.vectors.shape[1])).astype(np.float32) * (
            NOISE / self.vectors.shape[1] ** 0.5
        )
        rows = share * self.vectors[first] + (1 - share) * self.vectors[second] + noise
        joined = [self._joined(one, other, part) for one, other, part in zip(first, second, share[:, 0], strict=True)]
        return Drawn(joined, rows / np.linalg.norm(rows, axis=1, keepdims=True))

    def _joined(self, first: int, second: int, share: float) -> list[int]:
        one, other = self._passages[first], self._passages[second]
        return one[: max(1, round(len(one) * share))] + other[: round(len(other) * (1 - share))]

    @cached_property
    def _near(self) -> np.ndarray:
        """The nearest passages of each passage, itself left out; shape (passages, NEIGHBOURS)."""
        count = min(NEIGHBOURS, len(self.vectors) - 1)
        return np.argsort(-(self.vectors @ self.vectors.T), axis=1)[:, 1 : count + 1]

    def _embedded(self, model: AIModel) -> tuple[Floats, Floats]:
        texts = [self.text(numbers) for numbers in self._passages]
        digest = hashlib.blake2b("\0".join([model.name, *texts, *self.questions]).encode(), digest_size=8).hexdigest()
        folder = Path(settings.VAR_DIR) / "bench"
        kept = folder / f"vectors-{digest}.npz"
        if not kept.exists():
            folder.mkdir(parents=True, exist_ok=True)
            embedder = registry.embedder(spec_of(model))
            passages, questions = embedder.embed_passages(texts), embedder.embed_queries(self.questions)
            np.savez(kept, passages=passages, questions=questions)
        with np.load(kept) as arrays:
            return arrays["passages"].astype(np.float32), arrays["questions"].astype(np.float32)


def _texts(data: Path | None) -> tuple[list[str], list[str]]:
    """Return the texts and the questions of every evaluation set below `data`, or of the repository's documents."""
    if data is None:
        pages = sorted([settings.BASE_DIR / "README.md", *(settings.BASE_DIR / "docs").rglob("*.md")])
        return [_MARKUP.sub("", page.read_text(encoding="utf-8")) for page in pages], []
    sets = [load(folder.parent) for folder in sorted(data.rglob("corpus.jsonl"))]
    if not sets:
        raise SetUnreadable(f"{data} has no corpus.jsonl.")
    texts = [source.text for one in sets for source in one.sources]
    return texts, [question.text for one in sets for question in one.questions]


def _passages(texts: Sequence[str]) -> tuple[list[str], list[list[int]]]:
    """Return all sentences, and passages of them as a chunker would cut: sentences in a row up to a weight."""
    sentences: list[str] = []
    passages: list[list[int]] = []
    for text in texts:
        held, weight = [], 0.0
        for sentence in split(" ".join(text.replace("\0", " ").split())):
            held.append(len(sentences))
            sentences.append(sentence.text[:LONGEST_SENTENCE])
            weight += _weight(sentences[-1])
            if weight >= PASSAGE_WEIGHT:
                passages.append(held)
                held, weight = [], 0.0
        if held:
            passages.append(held)
    rng = np.random.default_rng(3)
    chosen = rng.permutation(len(passages))[:PASSAGES]
    return sentences, [passages[place] for place in chosen]


def _questions(texts: Sequence[str]) -> list[str]:
    """Return some of the questions, spread over all sets; where there are none, sentences are asked."""
    rng = np.random.default_rng(5)
    return [texts[place][:100] for place in rng.permutation(len(texts))[:QUESTIONS]]


def _weight(text: str) -> float:
    """Return about how many tokens an embedding model makes of a text."""
    han = len(_HAN.findall(text))
    return han * 0.8 + (len(text) - han) * 0.28
