"""Weights, long prompts, clip skip and learnt words reach the denoiser as AUTOMATIC1111 has it."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.prompts import Embedding, PromptReader, alike_long, emphasised
from apps.runtimes.diffusion.words import load_words
from apps.runtimes.drawing import TokenUse, Weighted
from tests.runtimes.diffusion import tiny

BREAK = Weighted("", is_break=True)


@pytest.fixture(scope="module")
def reader() -> PromptReader:
    return PromptReader(tiny.pipeline())


@torch.no_grad()
def read(reader: PromptReader, *spans: Weighted | str, clip_skip: int = 1) -> torch.Tensor:
    return reader.read([Weighted(span) if isinstance(span, str) else span for span in spans], clip_skip, []).states


@torch.no_grad()
def test_it_reads_a_plain_prompt_as_diffusers_does(reader: PromptReader) -> None:
    expected, _ = tiny.pipeline().encode_prompt("red circle, blue", "cpu", 1, do_classifier_free_guidance=False)

    assert torch.equal(read(reader, "red circle, blue"), expected)
    assert torch.equal(read(reader, "red", "circle", ", blue"), expected)


def test_it_weighs_states_and_keeps_their_mean(reader: PromptReader) -> None:
    plain = read(reader, "red circle")
    weighted = read(reader, Weighted("red", 1.5), "circle")
    factors = torch.ones(77)
    factors[1] = 1.5  # after the first, special token

    assert torch.allclose(
        weighted, plain * factors[None, :, None] * (plain.mean() / (plain * factors[None, :, None]).mean())
    )
    assert weighted.mean().item() == pytest.approx(plain.mean().item(), rel=1e-4)


def test_it_leaves_what_is_weighted_by_one_and_survives_a_mean_of_zero() -> None:
    states = torch.tensor([[[1.0, -1.0], [2.0, -2.0]]])

    assert torch.equal(emphasised(states, torch.tensor([2.0, 1.0])), torch.tensor([[[2.0, -2.0], [2.0, -2.0]]]))


def test_it_reads_a_long_prompt_in_chunks(reader: PromptReader) -> None:
    long = read(reader, "red " * 75 + "blue circle")

    assert long.shape == (1, 2 * 77, 16)
    assert torch.equal(long[:, :77], read(reader, "red " * 75))
    assert torch.equal(long[:, 77:], read(reader, "blue circle"))


def test_it_begins_a_chunk_at_a_break(reader: PromptReader) -> None:
    broken = read(reader, "red", BREAK, "circle")

    assert torch.equal(broken, torch.cat([read(reader, "red"), read(reader, "circle")], dim=1))


def test_it_skips_layers_at_the_end_of_the_encoder(reader: PromptReader) -> None:
    encoder = tiny.pipeline().text_encoder
    ids = tiny.tokenizer()("red", padding="max_length", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        states = encoder(ids, output_hidden_states=True).hidden_states
        expected = encoder.final_layer_norm(states[-2])

    assert torch.equal(read(reader, "red", clip_skip=2), expected)
    assert not torch.equal(read(reader, "red", clip_skip=2), read(reader, "red"))
    assert not torch.equal(read(reader, "red", clip_skip=3), read(reader, "red", clip_skip=2))


def test_it_lengthens_shorter_prompts_by_the_empty_chunk(reader: PromptReader) -> None:
    empty, long = Embedding(read(reader, "")), Embedding(read(reader, "red", BREAK, "blue"))
    short, unchanged = alike_long([Embedding(read(reader, "red")), long], lambda: empty)

    assert torch.equal(short.states, torch.cat([read(reader, "red"), empty.states], dim=1))
    assert unchanged is long


@pytest.fixture
def word(tmp_path: Path) -> TokenUse:
    """Return a word whose two vectors are those of "red" and "circle"."""
    table = tiny.pipeline().text_encoder.get_input_embeddings().weight
    ids = tiny.tokenizer()("red circle", add_special_tokens=False)["input_ids"]
    save_file({"emb_params": table[ids].detach().clone()}, tmp_path / "word.safetensors")
    return TokenUse("<my-thing>", str(tmp_path / "word.safetensors"))


@torch.no_grad()
def test_it_reads_a_learnt_word_as_its_vectors_and_forgets_it(reader: PromptReader, word: TokenUse) -> None:
    expected, before = read(reader, "a red circle, blue"), read(reader, "a <my-thing>, blue")
    learnt = load_words([word], reader.widths)

    assert torch.equal(reader.read([Weighted("a <my-thing>, blue")], 1, learnt).states, expected)
    assert torch.equal(reader.read([Weighted("a red circle, blue")], 1, learnt).states, expected)
    assert torch.equal(read(reader, "a <my-thing>, blue"), before)
    assert not torch.equal(before, expected)


def test_it_refuses_a_word_that_was_learnt_for_another_model(tmp_path: Path) -> None:
    save_file({"emb_params": torch.zeros(1, 768)}, tmp_path / "word.safetensors")

    with pytest.raises(RuntimeFailure, match="another model"):
        load_words([TokenUse("<x>", str(tmp_path / "word.safetensors"))], [16])


def test_it_refuses_a_file_that_holds_no_word(tmp_path: Path) -> None:
    (tmp_path / "word.safetensors").write_bytes(b"not one")

    with pytest.raises(RuntimeFailure, match="cannot be read"):
        load_words([TokenUse("<x>", str(tmp_path / "word.safetensors"))], [16])
