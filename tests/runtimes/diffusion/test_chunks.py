"""Long prompts are cut as AUTOMATIC1111 cuts them (modules/sd_hijack_clip.py)."""

from apps.runtimes.diffusion.chunks import Piece, chunked

COMMA = 0


def sizes(*pieces: Piece) -> list[int]:
    return [len(chunk) for chunk in chunked(pieces, COMMA)]


def test_it_gives_an_empty_prompt_one_empty_chunk() -> None:
    assert chunked([], COMMA) == [[]]


def test_it_fills_a_chunk_with_75_tokens() -> None:
    assert sizes(Piece([1] * 75)) == [75]
    assert sizes(Piece([1] * 76)) == [75, 1]
    assert sizes(Piece([1] * 151)) == [75, 75, 1]


def test_it_keeps_the_weights_across_a_cut() -> None:
    first, second = chunked([Piece([1] * 70, 1.2), Piece([2] * 10, 0.5)], COMMA)

    assert first[-6:] == [(1, 1.2), *[(2, 0.5)] * 5]
    assert second == [(2, 0.5)] * 5


def test_it_begins_a_chunk_at_a_break() -> None:
    assert sizes(Piece([1] * 3), Piece(is_break=True), Piece([1] * 4)) == [3, 4]
    assert sizes(Piece([1] * 3), Piece(is_break=True)) == [3, 0]


def test_it_moves_a_phrase_on_that_would_be_cut() -> None:
    assert sizes(Piece([*[1] * 60, COMMA, *[1] * 20])) == [61, 20]


def test_it_cuts_a_phrase_whose_comma_is_more_than_20_tokens_back() -> None:
    assert sizes(Piece([*[1] * 55, COMMA, *[1] * 25])) == [56, 25]  # token 56 is 20 back of token 76: moved
    assert sizes(Piece([*[1] * 54, COMMA, *[1] * 25])) == [75, 5]  # 21 back: cut


def test_it_cuts_before_a_comma_that_is_token_76() -> None:
    assert sizes(Piece([*[1] * 60, COMMA, *[1] * 14, COMMA, 1])) == [75, 2]
