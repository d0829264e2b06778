"""Marks of matched words, the part of a text that a folded card shows, and the differences of two rankings."""

import pytest

from apps.evaluation.differences import Move, documents, moves, summary
from apps.evaluation.marking import WINDOW, marked, split_at_best
from apps.evaluation.testing import Card
from apps.libraries.lexical import analyse


def shown(text: str, question: str) -> str:
    """Return the text with what the question's terms mark in brackets."""
    terms = [term.removeprefix("=") for term in analyse(question)]
    return "".join(f"[{piece}]" if is_marked else piece for piece, is_marked in marked(text, terms))


@pytest.mark.parametrize(
    ("text", "question", "wanted"),
    [
        ("The refunds, refunded.", "refund", "The [refunds], [refunded]."),
        ("Ref. KB-1042 applies", "kb-1042", "Ref. [KB-1042] applies"),
        ("请提交差旅报销单", "差旅报销", "请提交[差旅报销]单"),
        ("請提交差旅報銷單", "差旅报销", "請提交[差旅報銷]單"),
        ("用Zhiku提问", "zhiku", "用[Zhiku]提问"),
        ("Café déjà", "cafe", "[Café] déjà"),
        ("nothing here", "else", "nothing here"),
        ("", "a", ""),
    ],
)
def test_it_marks_the_words_that_matched(text: str, question: str, wanted: str) -> None:
    assert shown(text, question) == wanted


def test_it_begins_where_most_is_marked() -> None:
    text = (
        "refund once. " + "filler words stand here. " * 20 + "So: refund the travel refund now. " + "more text. " * 30
    )

    pieces = marked(text, ["refund", "travel"])
    lead, rest = split_at_best(pieces)

    joined = "".join(piece for piece, _is_marked in [*lead, *rest])
    assert joined == text
    assert "".join(piece for piece, _is_marked in rest).startswith("refund the travel refund")


def test_it_begins_at_the_beginning_of_a_short_text() -> None:
    pieces = marked("One refund. " * 3, ["refund"])

    assert split_at_best(pieces) == ([], pieces)
    assert split_at_best(marked("x " * WINDOW, ["refund"]))[0] == []


def card(number: int, chunk: str, document: str = "d") -> Card:
    return Card(number, chunk, document, document + ".txt", 0.5, [], [])


def test_it_says_what_moved() -> None:
    first = [card(1, "a"), card(2, "b"), card(3, "c")]
    second = [card(1, "a"), card(2, "c"), card(3, "d")]

    assert moves(first, second) == [Move(first[0], 0), Move(first[1], None), Move(first[2], -1)]
    assert [(move.kind, move.places) for move in moves(second, first)] == [("same", 0), ("up", 1), ("only", 0)]
    found = summary(first, second)
    assert (found.same, found.moved, found.only_first, found.only_second) == (1, 1, 1, 1)


def test_it_counts_the_passages_of_each_document() -> None:
    assert documents([card(1, "a", "x"), card(2, "b", "y"), card(3, "c", "y")]) == [
        ("y", "y.txt", 2),
        ("x", "x.txt", 1),
    ]
