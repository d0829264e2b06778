"""How many tokens of an image model a text has, counted without loading the model: the page says it while one types.

A model folder of diffusers has its tokenizer as `tokenizer/tokenizer.json`, older ones as CLIP's `vocab.json` and
`merges.txt`. A lone checkpoint has none, so nothing is said there.
"""

from functools import lru_cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from apps.runtimes.spec import RuntimeSpec

_UNKNOWN = "<|endoftext|>"
# As transformers' CLIPTokenizer splits text before it merges bytes.
_PIECES = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class ClipTokens:
    """The tokenizer of one model folder. Safe to call from several threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        comma = self.ids(",")
        self.comma = comma[0] if len(comma) == 1 else -1

    def ids(self, text: str) -> list[int]:
        """Return the ids of the tokens of `text`, without the special ones."""
        found: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return found


def clip_tokens(spec: RuntimeSpec) -> ClipTokens | None:
    """Return the tokenizer of a model; None where its files have none."""
    folder = spec.path / "tokenizer"
    for name, needed in (("tokenizer.json", "tokenizer.json"), ("vocab.json", "merges.txt")):
        file = folder / name
        if file.is_file() and (folder / needed).is_file():
            return ClipTokens(_open(file, file.stat().st_mtime_ns))
    return None


@lru_cache(maxsize=4)
def _open(file: Path, _changed_ns: int) -> Tokenizer:
    if file.name == "tokenizer.json":
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
    vocabulary, merges = models.BPE.read_file(str(file), str(file.with_name("merges.txt")))
    pairs = models.BPE(
        vocabulary, merges, end_of_word_suffix="</w>", continuing_subword_prefix="", unk_token=_UNKNOWN
    )  # fmt: skip
    tokenizer = Tokenizer(pairs)
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
    split = pre_tokenizers.Split(Regex(_PIECES), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return tokenizer
