"""BERT and XLM-RoBERTa encoders with pooling as an OpenVINO graph, made from a sentence-transformers folder.

Built operation by operation from the weights: nothing is traced, so neither PyTorch nor OpenVINO's converter (which
brings the telemetry) takes part, and the shape of the graph is ours: attention is written as two products and a
softmax with the scale folded into the query's weights, which the CPU plugin runs 11 % faster than its own attention
operation (docs/adr/0016). Word embeddings stay outside: their table is 366 of the 450 MiB, and a text needs few rows.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import openvino.opset15 as ops

from apps.runtimes.contracts import Floats, RuntimeFailure
from apps.runtimes.weights import Weights

_MASKED = -1e4  # added to the scores of padding; exact in bfloat16, and exp of it is 0
_POSITION_OFFSET = {"bert": 0, "xlm-roberta": 1, "roberta": 1}  # behind the padding's id, where there is one


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a sentence-transformers folder asks for, as far as this graph can do it."""

    layers: int
    heads: int
    epsilon: float
    first_position: int
    pooling: str  # "mean" or "cls"
    max_tokens: int
    pad_id: int
    prompts: dict[str, str]


def read_recipe(folder: Path) -> Recipe:
    """Return the recipe of a folder. Raises RuntimeFailure for an architecture that this graph does not know."""
    config = _json(folder / "config.json")
    sizes = _json(folder / "sentence_bert_config.json")
    modules = [str(module["type"]).rpartition(".")[2] for module in _json(folder / "modules.json")]
    kind = str(config.get("model_type"))
    is_known = (
        kind in _POSITION_OFFSET
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and modules in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
        and not sizes.get("do_lower_case")
    )
    if not is_known:
        raise RuntimeFailure(f"The architecture of {folder.name} ({kind}) is not one that OpenVINO is given here.")
    pad = int(config.get("pad_token_id") or 0)
    first = _POSITION_OFFSET[kind] * (pad + 1)
    return Recipe(
        layers=int(config["num_hidden_layers"]),
        heads=int(config["num_attention_heads"]),
        epsilon=float(config["layer_norm_eps"]),
        first_position=first,
        pooling=_pooling(folder),
        max_tokens=int(sizes.get("max_seq_length") or config["max_position_embeddings"] - first),
        pad_id=pad,
        prompts=dict(_json(folder / "config_sentence_transformers.json").get("prompts") or {}),
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RuntimeFailure(f"{path.name} of the model {path.parent.name} cannot be read.") from error


def _pooling(folder: Path) -> str:
    modes = _json(folder / "1_Pooling" / "config.json")
    on = sorted(name for name, value in modes.items() if name.startswith("pooling_mode_") and value)
    if on == ["pooling_mode_mean_tokens"]:
        return "mean"
    if on == ["pooling_mode_cls_token"]:
        return "cls"
    raise RuntimeFailure(f"The pooling of {folder.name} is not one that OpenVINO is given here.")


def word_table(weights: Weights) -> str:
    """Return the name of the table of word embeddings."""
    return f"{_prefix(weights)}embeddings.word_embeddings.weight"


def _prefix(weights: Weights) -> str:
    """Return what stands before the tensors' names: files written from a larger model name it."""
    for prefix in ("", "bert.", "roberta."):
        if f"{prefix}embeddings.word_embeddings.weight" in weights:
            return prefix
    raise RuntimeFailure(f"{weights.path.name} has no table of word embeddings.")


def build(recipe: Recipe, weights: Weights) -> Any:
    """Return the openvino.Model: word embeddings [n, tokens, width] and lengths [n] in, unit vectors [n, width] out."""
    return _Builder(recipe, weights).model()


class _Builder:
    def __init__(self, recipe: Recipe, weights: Weights) -> None:
        self._recipe = recipe
        self._weights = weights
        self._prefix = _prefix(weights)
        self._width = weights.place(word_table(weights)).shape[1]

    def model(self) -> Any:
        words = ops.parameter([-1, -1, self._width], np.float32, name="words")
        lengths = ops.parameter([-1], np.int64, name="lengths")
        tokens = ops.gather(ops.shape_of(words, output_type="i64"), _ints(1), _ints(0))
        places = ops.range(_ints(0), tokens, _ints(1), "i64")
        is_text = ops.less(ops.unsqueeze(places, _ints(0)), ops.unsqueeze(lengths, _ints(1)))
        bias = ops.select(ops.unsqueeze(is_text, _ints([1, 2])), _floats(0), _floats(_MASKED))
        hidden = self._norm(ops.add(words, self._positions(places)), "embeddings.LayerNorm")
        for layer in range(self._recipe.layers):
            hidden = self._layer(hidden, bias, f"encoder.layer.{layer}.")
        pooled = self._pool(hidden, is_text, lengths)
        unit = ops.normalize_l2(pooled, _ints([1]), 1e-12, "max")
        return openvino.Model([unit.output(0)], [words, lengths], "encoder")

    def _positions(self, places: Any) -> Any:
        """Return the position's vector of each place, the one token type's added."""
        table = self._tensor("embeddings.position_embeddings.weight")[self._recipe.first_position :]
        table = table + self._tensor("embeddings.token_type_embeddings.weight")[0]
        return ops.gather(ops.constant(table), places, _ints(0))

    def _layer(self, hidden: Any, bias: Any, name: str) -> Any:
        attended = self._linear(self._attend(hidden, bias, name), f"{name}attention.output.dense")
        hidden = self._norm(ops.add(hidden, attended), f"{name}attention.output.LayerNorm")
        inner = ops.gelu(self._linear(hidden, f"{name}intermediate.dense"), "erf")
        return self._norm(ops.add(hidden, self._linear(inner, f"{name}output.dense")), f"{name}output.LayerNorm")

    def _attend(self, hidden: Any, bias: Any, name: str) -> Any:
        scale = (self._width / self._recipe.heads) ** -0.5
        query = self._heads(self._linear(hidden, f"{name}attention.self.query", scale))
        key = self._heads(self._linear(hidden, f"{name}attention.self.key"))
        value = self._heads(self._linear(hidden, f"{name}attention.self.value"))
        scores = ops.softmax(ops.add(ops.matmul(query, key, False, True), bias), 3)  # noqa: FBT003 -- its signature
        mixed = ops.transpose(ops.matmul(scores, value, False, False), _ints([0, 2, 1, 3]))  # noqa: FBT003
        return ops.reshape(mixed, _ints([0, 0, self._width]), special_zero=True)

    def _heads(self, values: Any) -> Any:
        """Return [n, tokens, width] as [n, heads, tokens, width of a head]."""
        heads = self._recipe.heads
        split = ops.reshape(values, _ints([0, 0, heads, self._width // heads]), special_zero=True)
        return ops.transpose(split, _ints([0, 2, 1, 3]))

    def _linear(self, values: Any, name: str, scale: float = 1.0) -> Any:
        factor = np.float32(scale)
        weight, bias = self._tensor(f"{name}.weight") * factor, self._tensor(f"{name}.bias") * factor
        product = ops.matmul(values, ops.constant(weight), False, True)  # noqa: FBT003 -- its signature
        return ops.add(product, ops.constant(bias.reshape(1, 1, -1)))

    def _norm(self, values: Any, name: str) -> Any:
        centred = ops.mvn(values, _ints([2]), True, self._recipe.epsilon, "inside_sqrt")  # noqa: FBT003
        weight, bias = (self._tensor(f"{name}.{part}").reshape(1, 1, -1) for part in ("weight", "bias"))
        return ops.add(ops.multiply(centred, ops.constant(weight)), ops.constant(bias))

    def _pool(self, hidden: Any, is_text: Any, lengths: Any) -> Any:
        if self._recipe.pooling == "cls":
            return ops.gather(hidden, _ints(0), _ints(1))
        kept = ops.multiply(hidden, ops.convert(ops.unsqueeze(is_text, _ints(2)), "f32"))
        count = ops.convert(ops.unsqueeze(lengths, _ints(1)), "f32")
        return ops.divide(ops.reduce_sum(kept, _ints(1)), count)

    def _tensor(self, name: str) -> Floats:
        return self._weights.tensor(self._prefix + name)


def _ints(values: int | Sequence[int]) -> Any:
    return ops.constant(np.array(values, np.int64))


def _floats(value: float) -> Any:
    return ops.constant(np.array(value, np.float32))
