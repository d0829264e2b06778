"""A cross-encoder small enough to be built by a test."""

from pathlib import Path

from apps.runtimes.files import write_manifest

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "when", "does", "water", "boil", "at", "100", "leave", "year"]


def build(folder: Path, *, labels: int = 1) -> Path:
    """Write a BERT of two layers with random weights and `labels` outputs, as sentence-transformers reads it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: PLC0415 -- slow, only for these tests
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast  # noqa: PLC0415 -- slow too

    folder.mkdir()
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64, num_labels=labels,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
    fast.save_pretrained(folder)
    write_manifest(folder, {"made": "by a test"})
    return folder
