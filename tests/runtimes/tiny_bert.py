"""A BERT of a few kilobytes as a sentence-transformers folder, to hold the engines against plain arithmetic."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from apps.runtimes.files import write_manifest
from apps.runtimes.spec import RuntimeSpec

WIDTH, HEADS, LAYERS, INNER, POSITIONS = 16, 2, 2, 32, 64
WORDS = ("<s>", "<pad>", "</s>", "<unk>", "passage:", "query:", "red", "green", "blue", "pump", "stops", "泵")
PAD = 1


def tensors(prefix: str = "", positions: int = POSITIONS) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(5)

    def made(*shape: int) -> np.ndarray[Any, Any]:
        return rng.normal(0, 0.5, shape).astype(np.float32)

    found = {
        "embeddings.word_embeddings.weight": made(len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": made(positions, WIDTH),
        "embeddings.token_type_embeddings.weight": made(2, WIDTH),
        "embeddings.LayerNorm.weight": made(WIDTH) + 1,
        "embeddings.LayerNorm.bias": made(WIDTH),
    }
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        for part, (out, into) in {
            "attention.self.query": (WIDTH, WIDTH),
            "attention.self.key": (WIDTH, WIDTH),
            "attention.self.value": (WIDTH, WIDTH),
            "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (INNER, WIDTH),
            "output.dense": (WIDTH, INNER),
        }.items():
            found |= {f"{name}{part}.weight": made(out, into), f"{name}{part}.bias": made(out)}
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            found |= {f"{name}{part}.weight": made(WIDTH) + 1, f"{name}{part}.bias": made(WIDTH)}
    return {prefix + name: values for name, values in found.items()}


def write(folder: Path, *, model_type: str = "bert", pooling: str = "mean_tokens", prefix: str = "") -> RuntimeSpec:
    """Write the model and return its spec."""
    (folder / "1_Pooling").mkdir(parents=True)
    save_file(tensors(prefix), folder / "model.safetensors", metadata={"format": "pt"})
    classes = {"bert": "BertModel", "xlm-roberta": "XLMRobertaModel"}
    content: dict[str, Any] = {
        "config.json": {
            "architectures": [classes.get(model_type, "BertModel")],
            "model_type": model_type,
            "dtype": "float32",
            "hidden_size": WIDTH,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "intermediate_size": INNER,
            "vocab_size": len(WORDS),
            "max_position_embeddings": POSITIONS,
            "type_vocab_size": 2,
            "layer_norm_eps": 1e-12,
            "hidden_act": "gelu",
            "pad_token_id": PAD,
            "bos_token_id": 0,
            "eos_token_id": 2,
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ],
        "sentence_bert_config.json": {"max_seq_length": 48, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": "query: ", "passage": "passage: "}},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": 48,
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "model_input_names": ["input_ids", "attention_mask"],
        },
        "1_Pooling/config.json": {
            "word_embedding_dimension": WIDTH,
            **{f"pooling_mode_{mode}": mode == pooling for mode in ("cls_token", "mean_tokens", "max_tokens")},
        },
    }
    for name, value in content.items():
        (folder / name).write_text(json.dumps(value))
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.save(str(folder / "tokenizer.json"))
    write_manifest(folder, {"made": "for a test"})
    return RuntimeSpec("tiny", "sentence_transformers", folder, WIDTH, 512, threads=1)
