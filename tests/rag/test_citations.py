"""How the server binds citations while an answer streams."""

import pytest

from apps.rag.citations import Binder, Evidence
from apps.rag.grounding import Grounding
from apps.rag.passages import Given
from tests.rag.doubles import passage

EIFFEL = "The Eiffel Tower was finished in 1889. It is 330 metres high."
TOWER = "东方明珠塔于1994年建成。塔高468米，位于上海浦东。"
BRIDGE = "The Tower Bridge crosses the Thames in London. It opened in 1894."


def given(*texts: str) -> list[Given]:
    return [Given(n, passage(text, name=f"doc{n}.txt"), text) for n, text in enumerate(texts, 1)]


def bind(answer: str, *texts: str, question: str = "", step: int = 3, trusts_marks: bool = False) -> tuple[str, Binder]:
    """Return what is shown of an answer that comes in pieces of `step` characters."""
    passages = given(*texts)
    binder = Binder(passages, Evidence(question, passages), trusts_marks=trusts_marks)
    shown = "".join(binder.feed(answer[place : place + step]) for place in range(0, len(answer), step))
    return shown + binder.finish(), binder


@pytest.mark.parametrize("step", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            "The Eiffel Tower was finished in 1889. The Tower Bridge opened in 1894.",
            "The Eiffel Tower was finished in 1889. [1] The Tower Bridge opened in 1894. [3]",
            id="English",
        ),
        pytest.param("东方明珠塔于1994年建成。塔高468米。", "东方明珠塔于1994年建成。[2]塔高468米。[2]", id="Chinese"),
        pytest.param("- It is 330 metres high\n- 塔高468米", "- It is 330 metres high [1]\n- 塔高468米[2]", id="list"),
        pytest.param("It is 330 metres high [2]. More.", "It is 330 metres high. [1] More.", id="wrong mark"),
        pytest.param("It is 330 metres high.[1][44] So.", "It is 330 metres high. [1] So.", id="its own mark"),
        pytest.param("It is 330 metres high【1】。", "It is 330 metres high。[1]", id="full-width mark"),
        pytest.param(
            "Bananas are yellow. It is 330 metres high.", "Bananas are yellow. It is 330 metres high. [1]", id="partly"
        ),
        pytest.param("It is 900 metres high.", "It is 900 metres high.", id="invented number"),
        pytest.param("It is [330 metres] high.", "It is [330 metres] high. [1]", id="other brackets"),
        pytest.param("[Passage: It is 330 metres high.]", "It is 330 metres high. [1]", id="label"),
        pytest.param(
            "[Passages 3 :  It is 330 metres high [2].] So.", "It is 330 metres high. [1] So.", id="mark in it"
        ),
        pytest.param("It is 330 metres high (Passage 3).", "It is 330 metres high. [1]", id="mark with a label"),
        pytest.param("【片段：塔高468米。】", "塔高468米。[2]", id="Chinese label"),
        pytest.param("It is [pass", "It is [pass", id="no label"),
        pytest.param("[Passage: It is 330 metres\nhigh]", "It is 330 metres [1]\nhigh] [1]", id="label of a line"),
    ],
)
def test_it_marks_what_is_borne_out(answer: str, expected: str, step: int) -> None:
    shown, binder = bind(answer, EIFFEL, TOWER, BRIDGE, step=step)

    assert shown == expected == binder.text


def test_it_cites_only_what_was_given_and_the_words_it_leans_on() -> None:
    _, binder = bind("The Eiffel Tower is 330 metres high [7].", EIFFEL, TOWER)

    assert [(cite.number, cite.quote) for cite in binder.cites.values()] == [(1, "It is 330 metres high.")]


def test_it_shows_text_as_soon_as_it_comes() -> None:
    passages = given(EIFFEL)
    binder = Binder(passages, Evidence("", passages))

    shown = [binder.feed(piece) for piece in ["The", " Eiffel", " Tower", " was", " finished"]]

    assert "".join(shown) == "The Eiffel Tower was finished"
    assert all(shown)


def test_it_leaves_code_tables_and_headings_alone() -> None:
    answer = (
        "# Eiffel Tower\n\n```\na[1] = 330  # It is 330 metres high.\n```\n\n"
        "| Tower | high |\n|---|---|\n| Eiffel Tower | 330 metres high |\n"
    )

    shown, _ = bind(answer, EIFFEL)

    assert shown == answer.rstrip()


def test_it_compares_a_short_answer_with_the_question_in_mind() -> None:
    shown, _ = bind(
        "1894", EIFFEL, "In 1894 a fair was held in Lyon.", BRIDGE, question="When did the Tower Bridge open?"
    )

    assert shown == "1894 [3]"


def test_a_bare_no_leans_on_what_the_question_is_about() -> None:
    shown, _ = bind("No.", EIFFEL, BRIDGE, question="Does the Tower Bridge cross the Thames in London?")

    assert shown == "No. [2]"


def test_a_trusted_model_may_cite_what_shares_no_words() -> None:
    answer = "这座铁塔在十九世纪末完工 [1]。"

    assert bind(answer, EIFFEL)[0] == "这座铁塔在十九世纪末完工。"
    assert bind(answer, EIFFEL, trusts_marks=True)[0] == "这座铁塔在十九世纪末完工。[1]"


def test_it_takes_long_text_without_an_end() -> None:
    shown, _ = bind("[" * 20_000, EIFFEL, step=50)

    assert shown == "[" * 20_000


def strict(answer: str, *texts: str, step: int = 3) -> Binder:
    """Return the binder of a strict answer that was written in small pieces."""
    passages = given(*texts)
    binder = Binder(passages, Evidence("", passages), grounding=Grounding(passages, None), is_strict=True)
    shown = "".join(binder.feed(answer[at : at + step]) for at in range(0, len(answer), step)) + binder.finish()
    assert shown == binder.text
    return binder


def test_a_strict_answer_shows_no_sentence_before_it_was_judged() -> None:
    passages = given(EIFFEL)
    binder = Binder(passages, Evidence("", passages), grounding=Grounding(passages, None), is_strict=True)

    assert binder.feed("Bananas grow near volcanoes") == ""
    assert (
        binder.feed(". The Eiffel Tower is 330 metres high. And")
        == " The Eiffel Tower is 330 metres high. [1]".lstrip()
    )


def test_a_strict_answer_leaves_out_what_no_passage_bears_out() -> None:
    binder = strict(
        "The Eiffel Tower is 330 metres high. Bananas grow near volcanoes. It was finished in 1999.", EIFFEL
    )

    assert binder.text == "The Eiffel Tower is 330 metres high. [1]"
    removed = [sentence for sentence in binder.sentences if sentence.state == "removed"]
    assert [sentence.text for sentence in removed] == ["Bananas grow near volcanoes.", "It was finished in 1999."]
    assert all(sentence.start == sentence.end for sentence in removed)


def test_a_strict_answer_keeps_its_lists_and_paragraphs() -> None:
    answer = (
        "# Towers\n\n- Bananas grow near volcanoes. The Eiffel Tower is 330 metres high.\n- Cats sleep all day.\n"
        "- The Tower Bridge opened in 1894.\n\n```\ncode = 1\n```\n"
    )
    binder = strict(answer, EIFFEL, BRIDGE)

    assert binder.text == (
        "# Towers\n\n- The Eiffel Tower is 330 metres high. [1]\n- The Tower Bridge opened in 1894. [2]\n\n"
        "```\ncode = 1\n```"
    )


def test_it_says_where_each_sentence_stands_and_how_well_it_is_borne_out() -> None:
    passages = given(EIFFEL)
    binder = Binder(passages, Evidence("", passages), grounding=Grounding(passages, None))
    for piece in ["The Eiffel Tower is", " 330 metres high. Bananas", " grow near volcanoes."]:
        binder.feed(piece)
    binder.finish()

    spans = [(binder.text[each.start : each.end], each.state) for each in binder.sentences]
    assert spans == [
        ("The Eiffel Tower is 330 metres high.", "supported"),
        ("Bananas grow near volcanoes.", "unsupported"),
    ]
    assert binder.cites[1].support is not None
    assert binder.cites[1].support > 0.7
