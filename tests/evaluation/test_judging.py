"""How rankings and answers of one question are judged."""

from uuid import UUID, uuid4

import pytest

from apps.evaluation.judging import (
    Case,
    Gold,
    answer_metrics,
    has_words,
    judge_search,
    ranking_metrics,
    recall_curve,
    summarise,
)
from apps.rag.types import Found, Passage, Section

HANDBOOK, NEWS = UUID(int=1), UUID(int=2)
WARRANTY = "The warranty lasts 24 months for private and 12 months for business customers."


def passage(text: str, document: UUID = HANDBOOK, section: Section | None = None) -> Passage:
    return Passage(uuid4(), document, uuid4(), uuid4(), f"{document.int}.txt", text, section=section)


def case(*gold: Gold, answers: tuple[str, ...] = ()) -> Case:
    return Case(uuid4(), "How long is the warranty?", gold, answers)


@pytest.mark.parametrize(
    ("text", "quote", "expected"),
    [
        pytest.param(WARRANTY, "", True, id="any passage"),
        pytest.param(WARRANTY, "the  warranty lasts\n24 months", True, id="spaces and case"),
        pytest.param("保修期为２４个月。", "保修期为24个月", True, id="full width"),
        pytest.param("Before. The warranty lasts 24 months for private", WARRANTY, True, id="cut at its end"),
        pytest.param(
            "for private and 12 months for business customers. More.", WARRANTY, True, id="cut at its beginning"
        ),
        pytest.param("12 months for business customers", f"{WARRANTY} {WARRANTY}", True, id="inside a long quote"),
        pytest.param("business customers. More.", WARRANTY, False, id="too little of it"),
        pytest.param("The guarantee lasts 24 months.", WARRANTY, False, id="other words"),
        pytest.param("", WARRANTY, False, id="no text"),
    ],
)
def test_it_knows_a_passage_again_by_its_words(text: str, quote: str, expected: bool) -> None:  # noqa: FBT001
    assert has_words(text, quote) is expected


def test_it_ranks_passages_by_their_quotes() -> None:
    asked = case(Gold(HANDBOOK, quote=WARRANTY))
    found = Found((passage("Opening hours."), passage(WARRANTY), passage(WARRANTY, NEWS)), 0.9, "en")

    outcome = judge_search(asked, found, is_refused=False)

    assert [bool(hit.gold) for hit in outcome.ranking] == [False, True, False]
    assert outcome.metrics["places"] == [2]
    assert outcome.metrics["recall_at_1"] == 0
    assert outcome.metrics["recall_at_5"] == 1
    assert outcome.metrics["mrr_at_10"] == 0.5
    assert outcome.metrics["ndcg_at_10"] == pytest.approx(0.6309, abs=1e-4)
    assert outcome.metrics["false_refusal_rate"] == 0


def test_it_ranks_documents_once_where_no_gold_has_a_quote() -> None:
    asked = case(Gold(NEWS))
    found = Found((passage("One."), passage("Two."), passage("Three.", NEWS)), 0.9, "en")

    outcome = judge_search(asked, found, is_refused=False)

    assert outcome.metrics["places"] == [2]
    assert [hit.document for hit in outcome.ranking] == [HANDBOOK, NEWS]


def test_it_counts_a_child_whose_section_is_read() -> None:
    section = Section(uuid4(), f"Guarantees. {WARRANTY} See page 4.")
    found = Found((passage("Guarantees.", section=section),), 0.9, "en")

    assert judge_search(case(Gold(HANDBOOK, quote=WARRANTY)), found, is_refused=False).metrics["places"] == [1]


def test_it_takes_a_refusal_as_right_where_the_library_has_no_answer() -> None:
    found = Found((passage("Opening hours."),), 0.1, "en")

    outcome = judge_search(case(), found, is_refused=True)

    assert outcome.metrics == {"refusal_accuracy": 1.0}


def test_it_never_exceeds_the_best_ranking() -> None:
    assert ranking_metrics([1, 1])["ndcg_at_10"] == 1.0
    assert ranking_metrics([1, 2])["ndcg_at_10"] == 1.0
    assert ranking_metrics([0, 0]) == {
        "recall_at_1": 0, "recall_at_5": 0, "recall_at_10": 0, "mrr_at_10": 0.0, "ndcg_at_10": 0,
    }  # fmt: skip


def test_it_judges_answers_and_their_citations() -> None:
    asked = case(Gold(HANDBOOK, quote=WARRANTY), answers=("24 months",))

    metrics = answer_metrics(asked, "It is 24 months.", [passage(WARRANTY), passage("Hours.")], is_refusal=False)

    assert metrics["answer_contained"] == 1
    assert metrics["exact_match"] == 0
    assert metrics["f1"] == pytest.approx(2 / 3)
    assert metrics["citation_precision"] == 0.5
    assert metrics["citation_recall"] == 1
    assert metrics["false_refusal_rate"] == 0


def test_it_counts_a_false_refusal_as_no_answer_and_no_citation() -> None:
    asked = case(Gold(HANDBOOK), answers=("24 months",))

    metrics = answer_metrics(asked, "Nothing answers this.", [passage(WARRANTY)], is_refusal=True)

    assert (metrics["f1"], metrics["citation_recall"], metrics["false_refusal_rate"]) == (0, 0, 1)
    assert "citation_precision" not in metrics


def test_it_sums_up_over_the_questions_that_have_a_number() -> None:
    results = [{"places": [1], "recall_at_1": 1.0}, {"places": [3], "recall_at_1": 0.0}, {"refusal_accuracy": 1.0}]

    assert summarise(results) == {"recall_at_1": 0.5, "refusal_accuracy": 1.0}
    assert recall_curve(results)[:4] == [0.5, 0.5, 1.0, 1.0]
    assert recall_curve([{"refusal_accuracy": 1.0}]) == []
