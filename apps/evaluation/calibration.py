"""Measures what the calibrated scores of `rag.support` and `rag.grounding` are worth, and fits their weights anew."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

import numpy as np

from apps.evaluation.claims import Case, cases
from apps.evaluation.logistic import Fitted, Numbers, area, fit, held_out
from apps.evaluation.scratch import Scratch
from apps.evaluation.sets import EvaluationSet, Question
from apps.libraries.models import Document
from apps.rag.grounding import Grounding
from apps.rag.passages import Given, Room, pack
from apps.rag.pipeline import Tools
from apps.rag.quoting import best_sentences
from apps.rag.support import Signs, support_with
from apps.rag.types import Passage

DOUBT = 0.1  # what an unanswered row of a doubtful set weighs
PENALTY = 30.0  # of the fits, whose features are standardised: keeps what one set teaches from harming another
NONE = Signs(0.0, 0.0, 0.0, 0.0)
FAR = 10**9  # more characters than any passage has
CURVE = tuple(round(0.05 * step, 2) for step in range(2, 20))  # thresholds shown


@dataclass(frozen=True, slots=True)
class Rows:
    """What one set gave: a row of features each, whether it is true, and what it belongs to."""

    name: str
    features: Numbers
    labels: Numbers
    groups: tuple[str, ...]
    kinds: tuple[str, ...]
    supports: Numbers  # what the product says today
    is_doubtful: bool = False  # others answer much of what was left out, so that its false rows say little


def question_rows(
    name: str, scratch: Scratch, evaluation: EvaluationSet, tools: Tools, tell: Callable[[int], None]
) -> Rows:
    """Search for each question as it is and, where something answers it, with that left out: then nothing does."""
    by_entry = {entry: document for document, entries in scratch.sources.items() for entry in entries}
    features: list[tuple[float, ...]] = []
    labels: list[float] = []
    supports: list[float] = []
    groups: list[str] = []
    for number, question in enumerate(evaluation.questions, 1):
        for is_answerable in (True, False) if question.gold else (False,):
            golds = [by_entry[entry] for entry in question.gold if entry in by_entry]
            with left_out([] if is_answerable else golds):
                values, support = _signs(question, tools)
            features.append(values)
            labels.append(float(is_answerable))
            supports.append(support)
            groups.append(f"{name} {question.id}")
        tell(number)
    kinds = tuple("answered" if label else "left out" for label in labels)
    return Rows(name, np.array(features), np.array(labels), tuple(groups), kinds, np.array(supports))


@contextmanager
def left_out(documents: Sequence[UUID]) -> Iterator[None]:
    """Hide documents of a scratch team from searches while the block runs."""
    rows = Document.objects.filter(pk__in=documents)
    rows.update(is_enabled=False)
    try:
        yield
    finally:
        rows.update(is_enabled=True)


def _signs(question: Question, tools: Tools) -> tuple[tuple[float, ...], float]:
    """Return the features of `rag.support` in the order of its weights, with 1 for Chinese behind them, and support."""
    found = tools.search(question.text)
    given = pack(question.text, found.passages, Room(tools.limits.passages, FAR, FAR, len))
    quoted = best_sentences(question.text, given, tools.embed, most=tools.limits.quotes)
    signs = Signs(**found.signs) if found.passages else NONE
    features = (*signs.values, *quoted.quotable.values, float(found.language == "zh"))
    return features, support_with(signs, quoted.quotable)


def sentence_rows(name: str, evaluation: EvaluationSet, most: int) -> Rows:
    """Compare claims that are true of a passage, and ones that are not, with it."""
    features: list[tuple[float, ...]] = []
    kept: list[Case] = []
    supports: list[float] = []
    judges: dict[str, Grounding] = {}
    for case in cases(evaluation, most=most):
        judge = judges.setdefault(case.passage, Grounding([_given(case)], None))
        likeness = judge.likeness(case.claim, [1])
        if likeness is not None:
            features.append(likeness.values)
            supports.append(judge.support(case.claim, [1]))
            kept.append(case)
    labels = np.array([float(case.is_true) for case in kept])
    groups = tuple(f"{name} {case.question}" for case in kept)
    return Rows(name, np.array(features), labels, groups, tuple(case.kind for case in kept), np.array(supports))


def _given(case: Case) -> Given:
    same = uuid4()
    return Given(1, Passage(same, same, same, same, f"{case.title}.txt", case.passage), case.passage)


@dataclass(frozen=True, slots=True)
class Fit:
    """A model fitted to all sets, and what each row gets from models that did not see its question or its set."""

    model: Fitted
    by_question: Numbers
    by_set: Numbers


def fitted(sets: Sequence[Rows], columns: slice) -> Fit:
    """Fit the columns of the features to all sets, each of which weighs the same but for doubtful rows."""
    features = np.vstack([rows.features for rows in sets])[:, columns]
    labels = np.concatenate([rows.labels for rows in sets])
    shares = np.concatenate([_shares(rows) for rows in sets])
    shares *= len(labels) / len(sets)
    owner = np.repeat(np.arange(len(sets)), [len(rows.labels) for rows in sets])
    groups = [group for rows in sets for group in rows.groups]
    by_set = np.zeros(len(labels))
    for place in range(len(sets)) if len(sets) > 1 else ():
        seen = owner != place
        model = fit(features[seen], labels[seen], penalty=PENALTY, shares=shares[seen])
        by_set[~seen] = model.probabilities(features[~seen])
    model = fit(features, labels, penalty=PENALTY, shares=shares)
    return Fit(model, held_out(features, labels, groups, penalty=PENALTY), by_set)


def _shares(rows: Rows) -> Numbers:
    doubt = DOUBT if rows.is_doubtful else 1.0
    return np.where(rows.labels == 1, 1.0, doubt) / len(rows.labels)


def table(sets: Sequence[Rows], probabilities: Numbers) -> list[str]:
    """Return lines: for each set the AUC, and what is refused rightly and wrongly at each threshold."""
    lines = [f"{'':28}{'AUC':>6}  refused rightly/wrongly at " + "".join(f"{at:>10.2f}" for at in CURVE)]
    start = 0
    for rows in sets:
        mine = probabilities[start : start + len(rows.labels)]
        start += len(rows.labels)
        no, yes = mine[rows.labels == 0], mine[rows.labels == 1]
        cells = "".join(f"{_share(no < at):>5.2f}/{_share(yes < at):.2f}" for at in CURVE)
        lines.append(f"{rows.name[-28:]:28}{area(mine, rows.labels):>6.3f}{'':29}{cells}")
    return lines


def by_kind(sets: Sequence[Rows], weak: float, unsupported: float) -> list[str]:
    """Return lines: how many claims of each kind are supported, weak and unsupported by what the product says."""
    kinds = np.array([kind for rows in sets for kind in rows.kinds])
    labels = np.concatenate([rows.labels for rows in sets])
    supports = np.concatenate([rows.supports for rows in sets])
    lines = [f"{'':22}{'claims':>8}{'supported':>11}{'weak':>8}{'unsupported':>13}"]
    for label, word in ((1.0, "true"), (0.0, "false")):
        for kind in dict.fromkeys(kinds[labels == label]):
            mine = supports[(kinds == kind) & (labels == label)]
            good, bad = _share(mine >= weak), _share(mine < unsupported)
            lines.append(f"{word + ', ' + kind:22}{len(mine):>8}{good:>11.2f}{1 - good - bad:>8.2f}{bad:>13.2f}")
    return lines


def _share(values: np.typing.NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else 0.0
