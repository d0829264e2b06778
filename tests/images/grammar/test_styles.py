"""media.md 57: styles and comments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.images.grammar.errors import PromptTooLong
from apps.images.grammar.styles import (
    Extracted,
    Style,
    Unstyled,
    apply_style,
    apply_styles,
    extract_style,
    extract_styles,
    strip_comments,
)


def _there(prompt: str) -> Extracted:
    return Extracted(was_there=True, prompt=prompt)


def _absent(prompt: str) -> Extracted:
    return Extracted(was_there=False, prompt=prompt)


@pytest.mark.parametrize(
    ("style", "prompt", "expected"),
    [
        pytest.param("masterpiece", "1girl, art by greg", "1girl, art by greg, masterpiece", id="57"),
        pytest.param("masterpiece, {prompt}", "1girl", "masterpiece, 1girl", id="57-place"),
        pytest.param("{prompt} and {prompt}", "a", "a and a", id="57-two-places"),
        pytest.param("masterpiece", "", "masterpiece", id="57-no-prompt"),
        pytest.param("", " 1girl ", "1girl", id="57-no-style"),
        pytest.param("杰作，{prompt}", "女孩", "杰作，女孩", id="57-chinese"),
    ],
)
def test_it_puts_a_style_around_a_prompt(style: str, prompt: str, expected: str) -> None:
    assert apply_style(style, prompt) == expected


@pytest.mark.parametrize(
    ("style", "prompt", "expected"),
    [
        pytest.param("masterpiece", "1girl, art by greg, masterpiece", _there("1girl, art by greg"), id="57"),
        pytest.param("masterpiece, {prompt}", "masterpiece, 1girl", _there("1girl"), id="57-place"),
        pytest.param("a, {prompt}, b", " a, x, b ", _there("x"), id="57-around"),
        pytest.param("masterpiece", "masterpiece", _there(""), id="57-alone"),
        pytest.param("masterpiece", "1girl", _absent("1girl"), id="57-not-there"),
        pytest.param("piece", "1girl, masterpiece", _absent("1girl, masterpiece"), id="57-part-of-a-word"),
        pytest.param("aa{prompt}aa", "aaa", _absent("aaa"), id="57-overlap"),
        pytest.param("", "1girl", _absent("1girl"), id="57-no-style"),
    ],
)
def test_it_takes_a_style_off_again(style: str, prompt: str, expected: Extracted) -> None:
    assert extract_style(style, prompt) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a # b\nc", "a \nc", id="57"),
        pytest.param("a\n# b\nc", "a\nc", id="57-line"),
        pytest.param("# b\nc", "\nc", id="57-first-line"),
        pytest.param("a # b", "a \n", id="57-last-line"),
        pytest.param("a\nb", "a\nb", id="57-none"),
    ],
)
def test_it_strips_comments(text: str, expected: str) -> None:
    assert strip_comments(text) == expected


def test_it_applies_styles_in_turn_without_comments() -> None:
    assert apply_styles(["masterpiece # best\n", "photo of {prompt}"], "1girl # who\n") == "photo of 1girl, masterpiece"


def test_it_bounds_what_styles_make() -> None:
    with pytest.raises(PromptTooLong):
        apply_styles(["{prompt}{prompt}"] * 40, "1girl")


STYLES = (
    Style("bare"),
    Style("ink", "ink painting, {prompt} # soft\n", "photo"),
    Style("best", "masterpiece"),
    Style("clean", negative="{prompt}, blurry"),
)


@pytest.mark.parametrize(
    ("prompt", "negative", "expected"),
    [
        pytest.param("ink painting, a cat", "dog, photo", Unstyled("a cat", "dog", ("ink",)), id="57-both-prompts"),
        pytest.param("ink painting, a cat", "dog", Unstyled("ink painting, a cat", "dog"), id="57-only-one-prompt"),
        pytest.param("a cat", "dog, blurry", Unstyled("a cat", "dog", ("clean",)), id="57-negative-alone"),
        pytest.param(
            "ink painting, a cat, masterpiece", "photo", Unstyled("a cat", "", ("best", "ink")), id="57-in-turn"
        ),
        pytest.param("a cat", "", Unstyled("a cat", ""), id="57-none"),
    ],
)
def test_it_takes_styles_off_again(prompt: str, negative: str, expected: Unstyled) -> None:
    assert extract_styles(STYLES, prompt, negative) == expected


@given(st.lists(st.sampled_from(STYLES[1:]), unique=True), st.sampled_from(["a cat", "女孩, (red:1.2)"]))
def test_it_takes_off_what_it_put_on(styles: list[Style], prompt: str) -> None:
    styled = apply_styles([style.prompt for style in styles if style.prompt], prompt)
    negative = apply_styles([style.negative for style in styles if style.negative], "dog")

    found = extract_styles(STYLES, styled, negative)

    assert apply_styles([style.prompt for style in _named(found) if style.prompt], found.prompt) == styled
    assert set(found.names) == {style.name for style in styles}


def _named(found: Unstyled) -> list[Style]:
    return [style for name in found.names for style in STYLES if style.name == name]
