"""The OpenVINO graph against arithmetic in plain numpy, and its silence."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.embedding import BatchingEmbedder
from apps.runtimes.gate import Interactive
from apps.runtimes.openvino_engine import open_engine
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes import tiny_bert

TEXTS = ["red green blue", "泵 stops", "", "pump " * 100, "unheard of"]


def by_hand(spec: RuntimeSpec, ids: list[int], *, first_position: int, pooling: str) -> np.ndarray[Any, Any]:
    """Return one text's unit vector, float64."""
    found = {name: values.astype(np.float64) for name, values in tiny_bert.tensors().items()}

    def linear(x: Any, name: str) -> Any:
        return x @ found[f"{name}.weight"].T + found[f"{name}.bias"]

    def norm(x: Any, name: str) -> Any:
        centred = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-12)
        return centred * found[f"{name}.weight"] + found[f"{name}.bias"]

    places = np.arange(len(ids)) + first_position
    x = found["embeddings.word_embeddings.weight"][ids] + found["embeddings.position_embeddings.weight"][places]
    x = norm(x + found["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(tiny_bert.LAYERS):
        name = f"encoder.layer.{layer}."
        mixed = []
        query, key, value = (linear(x, f"{name}attention.self.{part}") for part in ("query", "key", "value"))
        for head in np.split(np.arange(tiny_bert.WIDTH), tiny_bert.HEADS):
            scores = np.exp(query[:, head] @ key[:, head].T / math.sqrt(len(head)))
            mixed.append(scores / scores.sum(1, keepdims=True) @ value[:, head])
        attended = linear(np.concatenate(mixed, 1), f"{name}attention.output.dense")
        x = norm(x + attended, f"{name}attention.output.LayerNorm")
        inner = linear(x, f"{name}intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(x + linear(inner, f"{name}output.dense"), f"{name}output.LayerNorm")
    pooled = x.mean(0) if pooling == "mean_tokens" else x[0]
    return pooled / np.linalg.norm(pooled)


@pytest.mark.parametrize(
    ("model_type", "pooling", "prefix", "first"),
    [("bert", "mean_tokens", "", 0), ("xlm-roberta", "cls_token", "roberta.", tiny_bert.PAD + 1)],
)
def test_it_computes_what_the_architecture_says(
    tmp_path: Path, model_type: str, pooling: str, prefix: str, first: int
) -> None:
    spec = tiny_bert.write(tmp_path / "tiny", model_type=model_type, pooling=pooling, prefix=prefix)
    engine = open_engine(spec, "f32")
    embedder = BatchingEmbedder(spec, engine, Interactive())

    rows = embedder.embed_passages(TEXTS)

    expected = [
        by_hand(spec, list(one.ids), first_position=first, pooling=pooling) for one in engine.encode(TEXTS, "passage")
    ]
    assert np.allclose(rows, expected, atol=1e-4)
    assert np.allclose(embedder.embed_passages(TEXTS), rows, atol=1e-5)
    embedder.close()


def test_it_cuts_a_text_at_the_model_s_limit_and_puts_the_prefix_before_it(tmp_path: Path) -> None:
    engine = open_engine(tiny_bert.write(tmp_path / "tiny"), "f32")

    (one,) = engine.encode(["pump " * 100], "query")
    engine.close()

    words = [tiny_bert.WORDS[number] for number in one.ids]
    assert words == ["<s>", "query:", *["pump"] * 45, "</s>"]


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"model_type": "t5"}),
        ("config.json", {"hidden_act": "relu"}),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}),
        ("sentence_bert_config.json", {"do_lower_case": True}),
    ],
)
def test_it_leaves_an_architecture_that_it_does_not_know_to_pytorch(
    tmp_path: Path, file: str, change: dict[str, Any]
) -> None:
    spec = tiny_bert.write(tmp_path / "tiny")
    path = spec.path / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(RuntimeFailure, match="not one that OpenVINO is given"):
        open_engine(spec, "f32")


def test_it_tells_nobody_that_it_runs(tmp_path: Path) -> None:
    """OpenVINO's converter reports its use to a web service; neither it nor its reporter is ever loaded."""
    spec = tiny_bert.write(tmp_path / "tiny")
    script = f"""
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith(("socket.", "subprocess.")) else None)
from pathlib import Path
from apps.runtimes.openvino_engine import open_engine
from apps.runtimes.spec import RuntimeSpec
engine = open_engine(RuntimeSpec("tiny", "x", Path({str(spec.path)!r}), threads=1), "f32")
engine.forward(engine.encode(["red pump"], "passage"), 32)
loaded = [name for name, module in sys.modules.items() if "telemetry" in name and module is not None]
assert not loaded, loaded
assert sys.modules["openvino.tools.ovc"] is None
assert not {{"torch", "transformers", "sentence_transformers"}} & set(sys.modules)
import os
paths = [f"/proc/self/fd/{{entry}}" for entry in os.listdir("/proc/self/fd")]
links = [os.readlink(path) for path in paths if os.path.lexists(path)]
assert not [link for link in links if link.startswith("socket:")], links
assert not seen, seen
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
