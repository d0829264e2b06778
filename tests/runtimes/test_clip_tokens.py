"""Tokens of image models, counted without the model."""

import json
from pathlib import Path

from apps.catalog.manifest import BUNDLED
from apps.runtimes.clip_tokens import clip_tokens
from apps.runtimes.spec import RuntimeSpec

MERGES = ["c a", "ca t</w>", "a c", "r e", "re d</w>"]


def test_it_counts_as_the_demonstration_model_reads() -> None:
    tokens = clip_tokens(RuntimeSpec("shapes", "diffusers", BUNDLED / "shapes-demo"))

    assert tokens is not None
    assert len(tokens.ids("a large red circle")) == 4
    assert len(tokens.ids("a circle, " * 100)) == 300  # neither cut nor filled up
    assert tokens.ids(",") == [tokens.comma]


def test_it_reads_the_files_of_older_folders(tmp_path: Path) -> None:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    pieces = [*"acdert,", *(f"{letter}</w>" for letter in "acdert,"), "ca", "cat</w>", "re", "red</w>", "ac"]
    vocabulary = {piece: number for number, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES))

    tokens = clip_tokens(RuntimeSpec("old", "diffusers", tmp_path))

    assert tokens is not None
    assert tokens.ids("Red  CAT,") == [vocabulary["red</w>"], vocabulary["cat</w>"], vocabulary[",</w>"]]


def test_it_says_nothing_of_a_lone_checkpoint(tmp_path: Path) -> None:
    assert clip_tokens(RuntimeSpec("lone", "diffusers", tmp_path / "model.safetensors")) is None
