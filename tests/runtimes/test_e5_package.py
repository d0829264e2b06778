"""Reading the packaged e5 weights, on a model of two layers and five pieces made here."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.e5_package import convert, decode_q4_0, read_package
from apps.runtimes.spec import RuntimeSpec
from apps.runtimes.tokenizers import load_tokenizer

HIDDEN, FFN, LAYERS, VOCABULARY, POSITIONS = 32, 64, 2, 8, 4
PIECES = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁a", -1.0), ("b", -1.5), ("<mask>", 0.0)]


def q4_0(weights: int) -> bytes:
    block = struct.pack("<e", 0.5) + bytes([0x9] * 16)  # low nibbles 9, high nibbles 0
    return block * (weights // 32)


def tensors() -> dict[str, tuple[int, int, bytes]]:
    """Return (kind, elements, bytes) of each tensor by its name."""

    def plain(count: int) -> tuple[int, int, bytes]:
        return 0, count, np.arange(count, dtype="<f4").tobytes()

    def blocks(count: int) -> tuple[int, int, bytes]:
        return 1, count, q4_0(count)

    found = {
        "emb.word": blocks(VOCABULARY * HIDDEN),
        "emb.pos": plain(POSITIONS * HIDDEN),
        "emb.type": plain(2 * HIDDEN),
    }
    found |= {"emb.ln.w": plain(HIDDEN), "emb.ln.b": plain(HIDDEN)}
    for layer in range(LAYERS):
        sizes = {"q": HIDDEN, "k": HIDDEN, "v": HIDDEN, "ao": HIDDEN, "fi": FFN, "fo": HIDDEN}
        for name, rows in sizes.items():
            found[f"l{layer}.{name}.w"] = blocks(rows * (FFN if name == "fo" else HIDDEN))
            found[f"l{layer}.{name}.b"] = plain(rows)
        for name in ("aln", "oln"):
            found |= {f"l{layer}.{name}.w": plain(HIDDEN), f"l{layer}.{name}.b": plain(HIDDEN)}
    return found


def package() -> bytes:
    blob = [piece.encode() for piece, _ in PIECES]
    offsets = [sum(map(len, blob[:count])) for count in range(len(blob) + 1)]
    data = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, LAYERS, 2, FFN, VOCABULARY, POSITIONS, 2, 1e-12, 32)
    data += struct.pack("<5iQ", len(blob), 0, 2, 1, 3, offsets[-1]) + struct.pack(f"<{len(offsets)}I", *offsets)
    data += struct.pack(f"<{len(blob)}f", *(score for _, score in PIECES)) + b"".join(blob) + struct.pack("<iI", 0, 0)
    found = tensors()
    at = len(data) + 4 + sum(2 + len(name) + 21 for name in found)
    data += struct.pack("<i", len(found))
    for name, (kind, elements, content) in found.items():
        data += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", kind, elements, at, len(content))
        at += len(content)
    return data + b"".join(content for _, _, content in found.values())


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Return a weights file."""
    path = tmp_path / "e5.bin"
    path.write_bytes(package())
    return path


def test_it_decodes_a_block() -> None:
    nibbles = bytes(low | (15 - low) << 4 for low in range(16))

    values = decode_q4_0(struct.pack("<e", 0.25) + nibbles)

    assert values.dtype == np.float32
    assert values.tolist() == [(low - 8) * 0.25 for low in range(16)] + [(7 - low) * 0.25 for low in range(16)]


def test_it_decodes_blocks_one_after_another() -> None:
    first, second = (struct.pack("<e", scale) + bytes([0x99] * 16) for scale in (1.0, -2.0))

    values = decode_q4_0(first + second)

    assert set(values[:32].tolist()) == {1.0}
    assert set(values[32:].tolist()) == {-2.0}


def test_it_reads_architecture_pieces_and_tensors(weights: Path) -> None:
    found = read_package(weights)

    assert (found.shape.hidden, found.shape.layers, found.shape.vocabulary) == (HIDDEN, LAYERS, VOCABULARY)
    assert [piece for piece, _ in found.vocabulary] == [piece for piece, _ in PIECES]
    assert found.tensors["l1.fo.w"].shape == (HIDDEN * FFN,)


def test_it_writes_a_folder_of_data_alone(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()

    convert(weights, folder)

    written = load_file(folder / "model.safetensors")
    assert written["encoder.layer.1.intermediate.dense.weight"].shape == (FFN, HIDDEN)
    assert written["encoder.layer.0.output.dense.weight"].shape == (HIDDEN, FFN)
    assert written["embeddings.word_embeddings.weight"][0, 0] == 0.5
    assert len(written) == 5 + LAYERS * 16
    assert json.loads((folder / "config.json").read_text())["vocab_size"] == VOCABULARY
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".json", ".safetensors"}


def test_it_writes_a_tokenizer_that_locates_its_tokens(weights: Path, tmp_path: Path) -> None:
    convert(weights, tmp_path)

    tokenizer = load_tokenizer(RuntimeSpec("toy", "sentence_transformers", tmp_path))

    assert tokenizer.count(["ab a", ""]) == [3, 0]
    assert tokenizer.spans("ab a") == [(0, 1), (1, 2), (3, 4)]


@pytest.mark.parametrize("length", [0, 3, 40, 200, 1_000])
def test_it_refuses_a_file_that_is_cut_short(weights: Path, length: int) -> None:
    weights.write_bytes(package()[:length])

    with pytest.raises(RuntimeFailure):
        read_package(weights)


def test_it_refuses_another_kind_of_file(weights: Path) -> None:
    weights.write_bytes(b"\x80\x04" + package())

    with pytest.raises(RuntimeFailure, match="not an e5 weights file"):
        read_package(weights)
