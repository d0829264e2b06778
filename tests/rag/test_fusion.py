"""Joining the legs, and the support they give."""

from uuid import UUID

import pytest

from apps.rag.fusion import Evidence, Scale, fuse, inverse_frequency, language_of, leaning
from apps.rag.options import Method

A, B, C = (UUID(int=number) for number in (1, 2, 3))
SCALE = Scale(cosine_floor=0.7, bm25_ceiling=20.0)


def order(evidence: list[Evidence], method: Method = "convex", weight: float = 0.55) -> list[UUID]:
    return [entry.evidence.chunk_id for entry in fuse(evidence, SCALE, method=method, dense_weight=weight)]


@pytest.mark.parametrize("method", ["convex", "rrf"])
def test_it_puts_first_what_both_legs_like(method: Method) -> None:
    assert order([Evidence(A, 0.80, 2), Evidence(B, 0.90, 12), Evidence(C, 0.85, 4)], method) == [B, C, A]


@pytest.mark.parametrize("method", ["convex", "rrf"])
def test_it_follows_one_leg_at_the_ends_of_the_weight(method: Method) -> None:
    evidence = [Evidence(A, 0.95, 1), Evidence(B, 0.80, 15)]

    assert order(evidence, method, 1.0) == [A, B]
    assert order(evidence, method, 0.0) == [B, A]


def test_it_lets_the_vectors_decide_where_words_cover_nothing() -> None:
    assert order([Evidence(A, 0.84, 0.1), Evidence(B, 0.86, 0)]) == [B, A]


def test_it_ranks_a_chunk_without_a_vector_by_its_words() -> None:
    ranked = fuse([Evidence(A, None, 15), Evidence(B, 0.75, 0)], SCALE, method="convex", dense_weight=0.55)

    assert [entry.evidence.chunk_id for entry in ranked] == [A, B]
    assert (ranked[0].dense_rank, ranked[0].lexical_rank) == (None, 1)
    assert (ranked[1].dense_rank, ranked[1].lexical_rank) == (1, None)


def test_it_breaks_ties_always_the_same_way() -> None:
    twins = [Evidence(B, 0.9, 5), Evidence(A, 0.9, 5)]

    assert order(twins) == order(twins[::-1]) == [A, B]


def test_it_leans_to_the_leg_whose_best_stands_out() -> None:
    vectors_know = [Evidence(A, 0.95, 5), Evidence(B, 0.75, 4.5)]
    words_know = [Evidence(A, 0.81, 15), Evidence(B, 0.80, 2)]

    assert leaning(vectors_know, SCALE, 0.5) > 0.5 > leaning(words_know, SCALE, 0.5)
    assert [leaning(words_know, SCALE, weight) for weight in (0.0, 1.0)] == [0.0, 1.0]
    assert leaning([Evidence(A, 0.9, 5)], SCALE, 0.5) == 0.5
    assert leaning([], SCALE, 0.5) == 0.5


def test_it_scores_ranks_between_0_and_1() -> None:
    ranked = fuse([Evidence(A, 0.9, 5), Evidence(B, 0.8, 2)], SCALE, method="rrf", dense_weight=0.5)

    assert ranked[0].score == pytest.approx(1.0)
    assert 0 < ranked[1].score < 1


def test_it_survives_a_question_without_terms() -> None:
    ranked = fuse([Evidence(A, 0.9, 0)], Scale(0.7, 0.0), method="convex", dense_weight=0.55)

    assert ranked[0].score == pytest.approx(0.55 * 2 / 3)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("水什么时候沸腾？", "zh"),
        ("POWER6处理器速度是多少？", "zh"),
        ("When does water boil?", "en"),
        ("Who wrote 红楼梦 in the eighteenth century?", "en"),
        ("12345", "en"),
        ("", "en"),
    ],
)
def test_it_knows_the_language(text: str, language: str) -> None:
    assert language_of(text) == language


def test_it_gives_rare_terms_more_weight_and_never_a_negative_one() -> None:
    assert inverse_frequency(100, 1) > inverse_frequency(100, 50) > inverse_frequency(100, 100) > 0
    assert inverse_frequency(5, 9) > 0
