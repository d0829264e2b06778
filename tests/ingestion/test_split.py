"""Splitting: every character is kept, offsets are exact, the model's limit holds."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ingestion.splitting import RESERVED_TOKENS, split
from apps.libraries.types import Block, Box, ChunkDraft, ParsedDocument, passage_header, passage_text, whole_text
from apps.runtimes.contracts import Tokenizer

MAX_TOKENS = 512


class Characters:
    """One token per character that is not a blank: the least favourable tokenizer there is."""

    max_tokens = MAX_TOKENS

    def count(self, texts: list[str]) -> list[int]:
        return [len("".join(text.split())) for text in texts]

    def spans(self, text: str) -> list[tuple[int, int]]:
        return [(at, at + 1) for at, char in enumerate(text) if not char.isspace()]


class Words(Characters):
    """One token per word."""

    def count(self, texts: list[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def cut(
    *blocks: Block, title: str = "Handbook", tokenizer: Tokenizer | None = None, target: int = 100, overlap: int = 0
) -> list[ChunkDraft]:
    parsed = ParsedDocument(tuple(blocks))
    return split(parsed, title=title, tokenizer=tokenizer or Words(), target_tokens=target, overlap_tokens=overlap)


def sentences(count: int, word: str = "word") -> str:
    return " ".join(f"This is sentence {number} with the {word} in it." for number in range(count))


WORDS = st.text(alphabet="ab é中文。！.,;!?()[]'\"\n\t😀\u0301", max_size=400)
KINDS = st.sampled_from(["text", "list", "code", "table", "heading", "caption"])
PATHS = st.sampled_from([(), ("One",), ("One", "Two"), ("One", "Three"), ("Four",), ("x" * 300, "y" * 300)])
BLOCKS = st.lists(
    st.builds(lambda text, kind, path: Block(text.strip() or "x", kind, heading_path=path), WORDS, KINDS, PATHS),
    max_size=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    BLOCKS,
    st.sampled_from([16, 40, 320, 2_000]),
    st.sampled_from([0, 10, 400]),
    st.sampled_from(["", "T", "标题" * 90]),
)
def test_it_keeps_every_character_in_order_within_the_limit(
    blocks: list[Block], target: int, overlap: int, title: str
) -> None:
    chunks = cut(*blocks, title=title, tokenizer=Characters(), target=target, overlap=overlap)
    whole = whole_text(blocks)
    covered = bytearray(len(whole))

    for ordinal, chunk in enumerate(chunks):
        piece = whole[chunk.char_from : chunk.char_to]
        passage = passage_text(title, chunk.heading_path, chunk.text)
        covered[chunk.char_from : chunk.char_to] = b"\1" * len(piece)
        assert chunk.ordinal == ordinal
        assert piece
        assert chunk.text == piece or (chunk.text.endswith("\n" + piece) and chunk.text.startswith("|"))
        assert Characters().count([passage]) <= [MAX_TOKENS - RESERVED_TOKENS]
        assert chunk.tokens == Characters().count([chunk.text])[0]

    assert all(covered[at] for at, char in enumerate(whole) if not char.isspace())
    assert [chunk.char_from for chunk in chunks] == sorted(chunk.char_from for chunk in chunks)
    assert chunks == cut(*blocks, title=title, tokenizer=Characters(), target=target, overlap=overlap)


@pytest.mark.parametrize("sign", ["a", "(", " ", "!", ". ", "ab cd\n", "中", "z\u0301", "| a long row |\n"])
@pytest.mark.parametrize("kind", ["text", "table"])
def test_row_75_it_cuts_a_megabyte_of_one_sign_in_linear_time(sign: str, kind: str) -> None:
    """A quadratic step would need hours here; the suite's own time limit is the assertion."""
    text = "x" + sign * (1_000_000 // len(sign)) + "y"

    chunks = cut(Block(text, kind), tokenizer=Characters(), target=320, overlap=48)  # type: ignore[arg-type]

    assert chunks[-1].char_to == len(text)


def test_it_never_joins_two_sections_of_some_size() -> None:
    first = Block(sentences(8), heading_path=("Money",))
    second = Block(sentences(8), heading_path=("People",))

    chunks = cut(first, second)

    assert [chunk.heading_path for chunk in chunks] == [("Money",), ("People",)]


def test_it_joins_tiny_siblings_but_not_strangers() -> None:
    tiny = [Block("A short rule.", heading_path=("Rules", name)) for name in "abc"]
    stranger = Block("A short remark.", heading_path=("Annex", "x"))

    chunks = cut(*tiny, stranger)

    assert [chunk.heading_path for chunk in chunks] == [("Rules",), ("Annex", "x")]


def test_it_keeps_a_heading_with_what_it_announces() -> None:
    chunks = cut(
        Block("Rules", "heading", heading_path=("Rules",)),
        Block("Travel", "heading", heading_path=("Rules", "Travel")),
        Block(sentences(9), heading_path=("Rules", "Travel")),
    )

    assert [chunk.heading_path for chunk in chunks] == [("Rules", "Travel")]
    assert chunks[0].text.startswith("Rules\n\nTravel\n\nThis is")


def test_it_leaves_no_heading_alone_at_the_end_of_a_chunk() -> None:
    path = ("Rules",)
    blocks = [Block(sentences(9), heading_path=path), Block("Travel by rail", "heading", heading_path=path)]
    blocks.append(Block(sentences(9), heading_path=path))

    chunks = cut(*blocks)

    assert not chunks[0].text.endswith("Travel by rail")
    assert any(chunk.text.startswith("Travel by rail") for chunk in chunks)


def test_it_ends_chunks_with_paragraphs_where_it_can_and_else_with_sentences() -> None:
    chunks = cut(Block(sentences(10)), Block(sentences(6, "rail")), Block(sentences(30, "ship")))

    assert chunks[0].text == sentences(10)
    assert all(chunk.text.endswith(".") for chunk in chunks)


def test_it_cuts_chinese_after_full_stops() -> None:
    text = "".join(f"第{number}条规定出差报销应在返回后十日内提交。" for number in range(40))

    chunks = cut(Block(text), tokenizer=Characters(), target=120)

    assert len(chunks) > 3
    assert all(chunk.text.endswith("。") for chunk in chunks)


def test_it_overlaps_by_whole_sentences_inside_one_section_only() -> None:
    chunks = cut(Block(sentences(30), heading_path=("A",)), Block(sentences(30), heading_path=("B",)), overlap=20)

    for left, right in pairwise(chunks):
        shared = left.char_to - right.char_from
        assert (shared > 0) == (left.heading_path == right.heading_path)
        assert right.text.startswith("This is sentence")


def test_it_cuts_a_long_table_between_rows_and_repeats_its_header() -> None:
    header = "| City | Limit |\n| --- | --- |"
    rows = [f"| City number {number} | {number} euros |" for number in range(60)]

    chunks = cut(Block("\n".join([header, *rows]), "table"), overlap=30)

    assert len(chunks) > 3
    assert all(chunk.text.startswith(header + "\n") for chunk in chunks)
    assert [line for chunk in chunks for line in chunk.text.split("\n")[2:]] == rows


def test_it_keeps_code_and_tables_whole_when_they_fit() -> None:
    code = "\n".join(f"call(number_{number})" for number in range(80))

    chunks = cut(Block(sentences(5)), Block(code, "code"), Block(sentences(4)))

    assert any(code in chunk.text for chunk in chunks)


def test_it_collects_pages_and_boxes() -> None:
    boxes = [Box(page, 0.1, 0.1, 0.9, 0.2) for page in (3, 4)]

    (chunk,) = cut(Block("One.", page=3, box=boxes[0]), Block("Two.", page=4, box=boxes[1]))

    assert (chunk.page_from, chunk.page_to, chunk.boxes) == (3, 4, tuple(boxes))


def test_it_makes_no_chunk_of_nothing() -> None:
    assert cut() == []
    assert cut(Block(" \n ")) == []


def test_it_bounds_the_header_and_prefers_the_nearest_headings() -> None:
    header = passage_header("T" * 500, ("a" * 300, "b" * 100, "nearest"))

    assert header.endswith("b > nearest")
    assert len(header) <= 280
    assert passage_text("", (), "text") == "text"
