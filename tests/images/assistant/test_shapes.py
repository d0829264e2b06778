"""Themes for the demonstration model become its own words."""

import json

import pytest

from apps.images.assistant import shapes


@pytest.mark.parametrize(
    ("theme", "said"),
    [
        ("一个红色的圆", {"colour": "red", "shape": "circle"}),
        ("右边有蓝色方块，黑色背景",
         {"colour": "blue", "shape": "square", "place": "on the right", "background": "black"}),
        ("A small GREEN triangle on white background",
         {"size": "small", "colour": "green", "shape": "triangle", "background": "white"}),
        ("a scared fox", {}),
        ("小狐狸看大海", {}),
        ("一个大红球", {"size": "large", "colour": "red", "shape": "circle"}),
        ("夜里的雪山", {"shape": "triangle", "background": "black"}),
    ],
)  # fmt: skip
def test_it_reads_what_a_theme_says_itself(theme: str, said: dict[str, str]) -> None:
    assert shapes.named(theme) == said


@pytest.mark.parametrize(
    ("words", "prompt"),
    [
        ({"colour": "orange", "shape": "circle", "background": "white"}, "an orange circle on white background"),
        ({"colour": "white", "shape": "square", "background": "white"}, "a white square on black background"),
        ({"size": "large", "colour": "orange", "shape": "circle", "place": "at the top", "background": "gray"},
         "a large orange circle at the top on gray background"),
    ],
)  # fmt: skip
def test_it_writes_in_the_words_of_the_models_lessons(words: dict[str, str], prompt: str) -> None:
    assert shapes.caption(words) == prompt


def test_it_takes_words_of_the_vocabulary_alone() -> None:
    good = {"about": "the sea", "colour": "blue", "shape": "square", "background": "white"}

    assert shapes.read(json.dumps(good)) == {"colour": "blue", "shape": "square", "background": "white"}
    assert shapes.read(json.dumps(good | {"colour": "pink"})) is None
    assert shapes.read(json.dumps(good | {"size": "large"})) is None
    assert shapes.read("pink") is None
