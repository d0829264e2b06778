"""The demonstration model's tokenizer, and what a weight does to its text encoder's states."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from apps.runtimes.diffusion.demo.shapes import examples

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

GROUND = ("on", "a", "white", "background")


@pytest.fixture(scope="module")
def tokens() -> Any:
    """Return the module; what imports torch is not imported where tests are collected."""
    return import_module("apps.runtimes.diffusion.demo.tokenizer")


@pytest.fixture(scope="module")
def tokenizer(tokens: Any) -> "CLIPTokenizer":
    learnt: CLIPTokenizer = tokens.learn(example.caption for example in examples(500, seed=1))
    return learnt


def test_every_word_of_the_captions_is_one_token(tokenizer: "CLIPTokenizer") -> None:
    assert tokenizer.tokenize("A purple triangle and a red square, on a white background") == [
        f"{word}</w>" for word in ("a", "purple", "triangle", "and", "a", "red", "square", ",", *GROUND)
    ]


def test_another_word_falls_back_to_its_letters(tokenizer: "CLIPTokenizer") -> None:
    assert len(tokenizer.tokenize("xyz")) == 3
    assert tokenizer.unk_token_id not in tokenizer("智库 xyz", add_special_tokens=False)["input_ids"]


def test_it_learns_the_same_twice(tokens: Any, tokenizer: "CLIPTokenizer") -> None:
    again = tokens.learn(example.caption for example in examples(500, seed=1))

    assert again.get_vocab() == tokenizer.get_vocab()


def test_a_weight_is_that_of_its_word_alone(tokens: Any, tokenizer: "CLIPTokenizer") -> None:
    ids = tokens.encode(tokenizer, ["red and blue circle", "a circle"])

    weights = tokens.word_weights(tokenizer, ids, [{"red": 1.6, "blue": 0.4}, {}])

    assert weights.shape == (2, 77)
    assert weights[0, :6].tolist() == pytest.approx([1, 1.6, 1, 0.4, 1, 1])
    assert weights[1].tolist() == [1] * 77


def test_emphasis_keeps_the_mean_and_the_proportions() -> None:
    torch = import_module("torch")
    emphasise = import_module("apps.runtimes.diffusion.demo.text_encoder").emphasise
    states = torch.rand(2, 77, 8) + 0.5
    weights = torch.ones(2, 77)
    weights[0, 1] = 1.6

    emphasised = emphasise(states, weights)

    assert emphasised.mean((1, 2)).tolist() == pytest.approx(states.mean((1, 2)).tolist())
    assert emphasised[1].tolist() == states[1].tolist()
    ratio = emphasised[0] / states[0]
    assert (ratio[1] / ratio[0]).tolist() == pytest.approx([1.6] * 8)
