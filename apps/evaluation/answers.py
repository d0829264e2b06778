"""Runs the questions of an evaluation set through the whole answer pipeline and scores the answers."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from uuid import UUID

from apps.evaluation.answer_metrics import contains, exact_match, f1, plain
from apps.evaluation.sets import Question
from apps.rag.pipeline import Tools, answer
from apps.rag.types import Delta, Finished, Retrieved

Report = dict[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one question: the text without marks, the corpus entries it cites, and the support it had."""

    question: Question
    text: str
    cited: frozenset[str]
    is_refusal: bool
    support: float
    first_token_ms: float


def run(
    tools: Tools,
    questions: Sequence[Question],
    sources: Mapping[UUID, Sequence[str]],
    *,
    on_answer: Callable[[int], None],
) -> Iterator[Answered]:
    """Yield what came of each question, asked alone, without history."""
    for number, question in enumerate(questions, 1):
        yield ask(tools, question, sources)
        on_answer(number)


def ask(tools: Tools, question: Question, sources: Mapping[UUID, Sequence[str]]) -> Answered:
    """Return what the pipeline makes of one question."""
    began = time.perf_counter()
    first = 0.0
    support = 0.0
    finished = Finished("", ())
    for step in answer(question.text, (), tools):
        if isinstance(step, Delta) and step.text and not first:
            first = time.perf_counter() - began
        elif isinstance(step, Retrieved):
            support = step.found.support
        elif isinstance(step, Finished):
            finished = step
    cited = frozenset(entry for cite in finished.citations for entry in sources.get(cite.passage.document_id, ()))
    return Answered(question, plain(finished.text), cited, finished.is_refusal, support, first * 1000)


def score(results: Sequence[Answered]) -> Report:
    """Return the metrics of house.md 8.

    exact_match, f1, answer_contained and citation_recall are means over the answerable questions, where a refusal
    counts 0; citation_precision is over those of them that were answered. refusal_accuracy is the share of the
    unanswerable questions that were refused, false_refusal_rate that of the answerable ones.
    """
    answerable = [result for result in results if result.question.gold]
    unanswerable = [result for result in results if not result.question.gold]
    judged = [result for result in answerable if result.question.answers]
    answered = [result for result in answerable if not result.is_refusal]
    return {
        "queries": len(results),
        "exact_match": _mean([_right(result, exact_match) for result in judged]),
        "f1": _mean([_right(result, f1) for result in judged]),
        "answer_contained": _mean([_right(result, contains) for result in judged]),
        "citation_precision": _mean([_cited(result) / max(1, len(result.cited)) for result in answered]),
        "citation_recall": _mean([_cited(result) / len(result.question.gold) for result in answerable]),
        "refusal_accuracy": _mean([result.is_refusal for result in unanswerable]),
        "false_refusal_rate": _mean([result.is_refusal for result in answerable]),
        "first_token_p50_ms": round(median(result.first_token_ms for result in results), 1) if results else 0.0,
    }


def _right(result: Answered, metric: Callable[[str, Sequence[str]], float]) -> float:
    return 0.0 if result.is_refusal else metric(result.text, result.question.answers)


def _cited(result: Answered) -> int:
    return 0 if result.is_refusal else len(result.cited & set(result.question.gold))


def _mean(values: Sequence[float]) -> float:
    return round(fmean(values), 4) if values else 0.0
