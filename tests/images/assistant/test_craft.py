"""The rules of the craft hold whatever a model writes."""

import pytest

from apps.images.assistant.asking import read
from apps.images.assistant.craft import MOST_TAGS, MOST_WORDS, NEGATIVE, Draft, Written, negative_list, written
from apps.images.assistant.differences import Run, counts, difference


def draft(negative: tuple[str, ...] = (), **parts: tuple[str, ...]) -> Draft:
    return Draft({"subject": ("a fox",)} | parts, negative)


def prompt(**parts: tuple[str, ...]) -> str:
    found = written(draft(**parts))
    assert found is not None
    return found.prompt


def test_it_orders_tags_by_weight_then_by_part() -> None:
    found = prompt(light=("(moonlight:1.3)",), colour=("red",), material=("fur",), quality=("sharp",))

    assert found == "(moonlight:1.3), a fox, fur, sharp, red"


def test_it_says_quality_and_light_where_the_model_says_nothing() -> None:
    assert prompt() == "a fox, highly detailed, sharp focus, soft light"


@pytest.mark.parametrize(
    ("tag", "kept"),
    [
        ("(snow:9)", "(snow:1.5)"),
        ("(snow:0.1)", "(snow:0.5)"),
        ("snow:1.2", "snow"),
        ("snow 1.3", "snow"),
        ("<lora:evil:1> snow", "snow"),
        ("[a|b] {c} \\snow", "a b c snow"),
        ("a: b AND\x00 snow", "a b and snow"),
    ],
)
def test_it_takes_no_grammar_from_a_model_but_bounded_weights(tag: str, kept: str) -> None:
    assert kept in prompt(detail=(tag,))


def test_it_drops_what_is_no_english_tag_and_what_is_said_twice() -> None:
    found = prompt(detail=("雪", "none", "", "1", "A Fox", "the snow", "snow", "(a:1.2.3)"))

    assert found == "a fox, the snow, highly detailed, sharp focus, soft light"


def test_it_keeps_to_forty_tags_and_sixty_words() -> None:
    tags = prompt(detail=tuple(f"detail x{n}y" for n in range(100))).split(", ")

    assert len(tags) <= MOST_TAGS
    assert sum(len(tag.split()) for tag in tags) <= MOST_WORDS


def test_it_writes_nothing_without_a_subject() -> None:
    assert written(Draft({"subject": ("狐狸",), "detail": ("snow",)})) is None


def test_a_persons_own_list_comes_first_and_keeps_their_words() -> None:
    found = written(draft(("snow",)), negative_list("很丑, hats ,\nhats"))

    assert found is not None
    assert found.negative.startswith("很丑, hats, " + ", ".join(NEGATIVE[:2]))
    assert found.negative.endswith("snow")


def test_it_does_not_forbid_what_it_asks_for() -> None:
    found = written(Draft({"subject": ("a Chinese girl",), "detail": ("cherry trees",)}, ("people", "trees", "cars")))

    assert found is not None
    assert found.negative.endswith("jpeg artifacts, cars")


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"subject": ["a"]}', "[" * 5_000, '{"subject": "a"}'])
def test_it_takes_no_answer_that_is_not_what_was_asked_for(text: str) -> None:
    assert read(text) is None


def test_it_shows_a_prompt_as_a_difference() -> None:
    runs = difference("A cat, red hat", "a cat, (blue hat:1.2), snow")

    assert runs == [Run("same", "a cat,"), Run("gone", "red hat"), Run("new", "(blue hat:1.2), snow")]
    assert counts(runs) == (3, 2)
    assert difference("", "") == []


def test_written_is_plain() -> None:
    assert written(draft(), ()) == Written(prompt(), ", ".join(NEGATIVE))
