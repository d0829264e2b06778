"""The tokenizer of the demonstration model: CLIP's byte-level pair encoding, learnt from the captions.

Every word of the captions is one token; any other word falls back to its letters, so no prompt is refused. Scheme:
Sennrich et al. 2016, "Neural machine translation of rare words with subword units"; layout as in CLIP's vocab.json.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

import torch
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor
from transformers import CLIPTokenizer

MAX_TOKENS = 77
_END_OF_WORD = "</w>"
_SPECIAL = ("<|startoftext|>", "<|endoftext|>")

Word = tuple[str, ...]


def learn(captions: Iterable[str]) -> CLIPTokenizer:
    """Return a tokenizer in which each word of `captions` is one token."""
    counts = Counter(word for caption in captions for word in caption.replace(",", " ,").split())
    merges = _learn_merges({(*word[:-1], word[-1] + _END_OF_WORD): count for word, count in counts.items()})
    alphabet = sorted(ByteLevel.alphabet())
    tokens = [*alphabet, *(letter + _END_OF_WORD for letter in alphabet), *map("".join, merges), *_SPECIAL]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    pairs = cast("list[str]", merges)  # what it is typed to take, the tokenizers library refuses
    return CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=MAX_TOKENS)


def encode(tokenizer: CLIPTokenizer, captions: Sequence[str]) -> Tensor:
    """Return the padded token ids, shape (n, 77)."""
    ids: Tensor = tokenizer(
        list(captions), padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
    )["input_ids"]
    return ids


def word_weights(tokenizer: CLIPTokenizer, ids: Tensor, weights: Sequence[dict[str, float]]) -> Tensor:
    """Return the weight of every token, shape (n, 77): that of its word, or 1."""
    result = torch.ones(ids.shape)
    for row, words in enumerate(weights):
        for word, weight in words.items():
            token = tokenizer.convert_tokens_to_ids(word + _END_OF_WORD)
            result[row, ids[row] == token] = weight
    return result


def _learn_merges(words: dict[Word, int]) -> list[tuple[str, str]]:
    """Return the merges, most frequent pair first, until each word is whole."""
    merges: list[tuple[str, str]] = []
    while pairs := _pairs(words):
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        words = {_merged(word, best): count for word, count in words.items()}
    return merges


def _pairs(words: dict[Word, int]) -> Counter[tuple[str, str]]:
    pairs: Counter[tuple[str, str]] = Counter()
    for word, count in words.items():
        for pair in pairwise(word):
            pairs[pair] += count
    return pairs


def _merged(word: Word, pair: tuple[str, str]) -> Word:
    result: list[str] = []
    for letter in word:
        if result and (result[-1], letter) == pair:
            result[-1] += letter
        else:
            result.append(letter)
    return tuple(result)
