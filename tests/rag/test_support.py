"""A question is supported by both legs, its terms and names in the first passages, or across languages by vectors."""

from dataclasses import replace
from uuid import UUID

import pytest

from apps.rag.fusion import Evidence, Scale
from apps.rag.refusal import LEAST_SUPPORT
from apps.rag.support import CHANCE, MOST_APART, Signs, apart_of, names_in, signs_of, support_of
from apps.rag.types import Language
from tests.rag.doubles import passage

SCALE = Scale(cosine_floor=0.7, bm25_ceiling=20.0)
IDF = {"ferri": 4.0, "capac": 5.0, "=书店": 3.0}


def test_it_takes_the_best_of_both_legs() -> None:
    first, second = passage("The ferry."), passage("The cinema.", at=50)
    evidence = [Evidence(first.chunk_id, 0.85, 0.0), Evidence(second.chunk_id, 0.79, 10.0)]

    signs = signs_of("ferry capacity", evidence, [first, second], SCALE, IDF)

    assert signs.nearness == pytest.approx(0.5)
    assert signs.words == pytest.approx(0.5)


def test_it_counts_the_terms_and_names_that_stand_in_the_first_passages_together() -> None:
    one = replace(passage("The ferry Aurora"), matched_terms=("ferri",))
    two = replace(passage("carries 40 people", at=50), matched_terms=("书店",))

    signs = signs_of("How many people has Aurora taken in 1931, 40?", [], [one, two], SCALE, IDF)

    assert signs.coverage == pytest.approx(7 / 12)
    assert signs.names == pytest.approx(2 / 3)


def test_passages_that_name_one_another_support_a_question_more_but_not_without_end() -> None:
    alone = passage("The ferry Aurora")
    linked = [replace(alone, parts=(("vectors", 0.5), ("links", share))) for share in (0.1, 0.9)]

    none, some, most = (signs_of("ferry", [], [each], SCALE, IDF).links for each in (alone, *linked))

    assert (none, some, most) == (0.0, 0.1, 0.25)


def spread(first: float, *, count: int = 60) -> list[Evidence]:
    """Return the nearest passage and others that fall evenly from a cosine of 0.82."""
    cosines = [first, *(0.82 - 0.001 * place for place in range(count - 1))]
    return [Evidence(UUID(int=place), cosine, 0.0) for place, cosine in enumerate(cosines, 1)]


def test_a_passage_that_stands_out_supports_a_question_without_names() -> None:
    lone, near = apart_of(spread(0.9), 60), apart_of(spread(0.825), 60)
    unnamed, named = (signs_of(text, spread(0.9), [], SCALE, {}) for text in ("until when has she leave?", "Has Ann?"))
    with_it, without = (
        support_of(replace(signs, apart=lone, names=1.0), "en", is_cross_language=False) for signs in (unnamed, named)
    )

    assert near < CHANCE < lone == MOST_APART
    assert (unnamed.unnamed, named.unnamed) == (1.0, 0.0)
    assert with_it > 3 * without


def test_the_best_of_more_chunks_has_to_stand_out_further() -> None:
    assert apart_of(spread(0.84), 60) > apart_of(spread(0.84), 100_000)


@pytest.mark.parametrize("count", range(1, 25))
def test_any_number_of_passages_can_be_compared(count: int) -> None:
    assert 0 <= apart_of(spread(0.9, count=count), count) <= MOST_APART


def test_passages_that_are_all_the_same_do_not_stand_out() -> None:
    same = [Evidence(UUID(int=place), 0.9, 0.0) for place in range(1, 40)]

    assert apart_of(same, 39) == 0
    assert apart_of([Evidence(UUID(int=1), None, 3.0)], 1) == 0


def test_nothing_found_supports_nothing() -> None:
    signs = signs_of("Where is Aurora?", [], [], Scale(0.7, 0.0), {})

    assert signs == Signs(0.0, 0.0, 0.0, 0.0)  # Aurora is a name
    assert support_of(signs, "en", is_cross_language=False) < 0.01


@pytest.mark.parametrize("language", ["zh", "en"])
def test_strong_signs_support_and_weak_ones_do_not(language: Language) -> None:
    strong, weak = Signs(0.72, 0.5, 0.95, 1.0), Signs(0.45, 0.1, 0.4, 0.5)

    assert support_of(strong, language, is_cross_language=False) > 0.75
    assert support_of(weak, language, is_cross_language=False) < 0.1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_supports_across_languages_by_the_vectors_alone(language: Language) -> None:
    near, far = Signs(0.4, 0.0, 0.0, 1.0, apart=2.0), Signs(0.3, 0.0, 0.0, 1.0)

    assert support_of(near, language, is_cross_language=False) < LEAST_SUPPORT[language]
    assert support_of(near, language, is_cross_language=True) > LEAST_SUPPORT[language]
    assert support_of(far, language, is_cross_language=True) < LEAST_SUPPORT[language]


def test_it_knows_the_names_and_numbers_of_a_question() -> None:
    assert names_in("Who was John Smith? The son of Ann, born 1931.") == {"John", "Smith", "Ann", "1931"}
    assert names_in("谁在1931年建造了KB-1042？") == {"1931", "1042"} | names_in("KB-1042")
