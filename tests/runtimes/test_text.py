"""From tokens' bytes to text."""

import pytest

from apps.runtimes.llama.text import TextAssembler, common_prefix


def test_it_hands_out_whole_characters_only() -> None:
    assembler = TextAssembler()
    data = "年假".encode()

    pieces = [assembler.push(data[at : at + 1]) for at in range(len(data))]

    assert pieces == ["", "", "年", "", "", "假"]


def test_it_drops_a_character_that_never_became_whole() -> None:
    assembler = TextAssembler()

    assembler.push("年".encode()[:2])

    assert assembler.finish() == ""


def test_it_replaces_bytes_that_are_no_utf8() -> None:
    assert TextAssembler().push(b"a\xffb") == "a\ufffdb"


@pytest.mark.parametrize(
    ("pieces", "stops", "expected"),
    [
        pytest.param(["one", " stop", " two"], ("stop",), "one ", id="inside one piece"),
        pytest.param(["one ", "st", "op two"], ("stop",), "one ", id="across pieces"),
        pytest.param(["one ", "s", "t", "o", "p"], ("stop",), "one ", id="letter by letter"),
        pytest.param(["a\n", "\n", "b"], ("\n\n",), "a", id="newlines"),
        pytest.param(["sto", "rm"], ("stop",), "storm", id="only the beginning"),
        pytest.param(["ststop"], ("stop",), "st", id="a beginning within a beginning"),
        pytest.param(["x END y"], ("y", "END"), "x ", id="the first of several"),
        pytest.param(["回答", "。问", "：下一个"], ("问：",), "回答。", id="Chinese"),
        pytest.param(["abc"], ("",), "abc", id="an empty one means nothing"),
    ],
)
def test_it_cuts_at_the_stop_string(pieces: list[str], stops: tuple[str, ...], expected: str) -> None:
    assembler = TextAssembler(stops)
    text = ""

    for piece in pieces:
        text += assembler.push(piece.encode())
        if assembler.is_stopped:
            break
    text += assembler.finish()

    assert text == expected


def test_it_shows_no_part_of_a_stop_string_early() -> None:
    assembler = TextAssembler(("STOP",))

    assert [assembler.push(b"yes ST"), assembler.push(b"AY")] == ["yes ", "STAY"]


def test_it_counts_the_common_prefix() -> None:
    assert common_prefix([1, 2, 3], [1, 2, 4, 5]) == 2
    assert common_prefix([], [1]) == 0
