"""media.md 2c: chunks of 75 tokens."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.runtimes.diffusion.chunks import Atom, Chunk, TokenCount, WeightedTokens, count_tokens, cut_chunks

COMMA = 0
BREAK = WeightedTokens((), is_break=True)


def words(count: int) -> list[Atom]:
    return list(range(1, count + 1))


def cut(*ids: Atom) -> tuple[Chunk, ...]:
    return cut_chunks([WeightedTokens(ids, 1.0)], comma_id=COMMA)


def sizes(chunks: tuple[Chunk, ...]) -> list[int]:
    return [len(chunk.ids) for chunk in chunks]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param([], [0], id="2c-empty"),
        pytest.param(words(75), [75], id="2c-full"),
        pytest.param(words(76), [75, 1], id="2c-one-more"),
        pytest.param(words(200), [75, 75, 50], id="2c-three"),
        pytest.param([*words(69), COMMA, *words(10)], [70, 10], id="2c-comma-near"),
        pytest.param([*words(55), COMMA, *words(20)], [56, 20], id="2c-comma-20-back"),
        pytest.param([*words(54), COMMA, *words(21)], [75, 1], id="2c-comma-21-back"),
        pytest.param([*words(75), COMMA, *words(3)], [75, 4], id="2c-token-76-is-a-comma"),
        pytest.param([*words(74), COMMA, *words(3)], [75, 3], id="2c-token-75-is-a-comma"),
        pytest.param([*words(60), COMMA, *words(14)], [75], id="2c-it-fits"),
        pytest.param([*words(60), COMMA, *words(5), COMMA, *words(20)], [67, 20], id="2c-the-last-comma"),
    ],
)
def test_it_cuts_at_75_or_behind_a_comma(ids: list[Atom], expected: list[int]) -> None:
    assert sizes(cut(*ids)) == expected


def test_it_ends_a_chunk_at_break() -> None:
    one, two = WeightedTokens((1, 2), 1.1), WeightedTokens((3,), 0.5)

    assert cut_chunks([one, BREAK, two], comma_id=COMMA) == (Chunk((1, 2), (1.1, 1.1)), Chunk((3,), (0.5,)))
    assert sizes(cut_chunks([BREAK, one], comma_id=COMMA)) == [0, 2]
    assert sizes(cut_chunks([one, BREAK], comma_id=COMMA)) == [2]
    assert sizes(cut_chunks([one, BREAK, BREAK, two], comma_id=COMMA)) == [2, 0, 1]


def test_it_forgets_the_comma_of_the_chunk_before() -> None:
    spans = [WeightedTokens([*words(5), COMMA]), BREAK, WeightedTokens(words(80))]

    assert sizes(cut_chunks(spans, comma_id=COMMA)) == [6, 75, 5]


def test_it_keeps_the_weights_with_their_tokens() -> None:
    spans = [WeightedTokens([*words(69), COMMA], 1.0), WeightedTokens(words(10), 1.5)]

    first, second = cut_chunks(spans, comma_id=COMMA)

    assert set(first.weights) == {1.0}
    assert second.weights == (1.5,) * 10


def test_it_keeps_vectors_of_one_word_together() -> None:
    assert sizes(cut(*words(73), (901, 902, 903), 1)) == [73, 4]
    assert sizes(cut(tuple(range(100)))) == [75, 25]


def test_it_takes_no_comma_into_account_when_told() -> None:
    ids = [*words(69), COMMA, *words(10)]

    assert sizes(cut_chunks([WeightedTokens(ids)], comma_id=COMMA, backtrack=0)) == [75, 5]


def test_it_counts_for_the_composer() -> None:
    assert count_tokens(cut(*words(10))) == TokenCount(10, 75)
    assert count_tokens(cut(*words(76))) == TokenCount(76, 150)
    assert count_tokens(cut()) == TokenCount(0, 75)


@given(st.lists(st.lists(st.integers(0, 5), max_size=120), max_size=6))
def test_it_loses_no_token(spans: list[list[int]]) -> None:
    chunks = cut_chunks([WeightedTokens(ids, float(index)) for index, ids in enumerate(spans)], comma_id=COMMA)

    assert [token for chunk in chunks for token in chunk.ids] == [token for ids in spans for token in ids]
    assert all(len(chunk.ids) == len(chunk.weights) <= 75 for chunk in chunks)
    assert all(one.ids for one, _ in pairwise(chunks))
