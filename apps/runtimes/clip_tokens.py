"""How many tokens of an image model a text has, counted without loading the model: the page says it while one types.

A model folder of diffusers has CLIP's byte-pair encoding as `tokenizer/vocab.json` and `merges.txt`. A lone checkpoint
has none; its text encoder was trained with the same one, which is not among our files, so nothing is said there.
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
        self.comma = tokenizer.token_to_id(",</w>") or -1

    def ids(self, text: str) -> list[int]:
        """Return the ids of the tokens of `text`, without the special ones."""
        found: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return found


def clip_tokens(spec: RuntimeSpec) -> ClipTokens | None:
    """Return the tokenizer of a model; None where its files have none."""
    folder = spec.path / "tokenizer"
    vocabulary = folder / "vocab.json"
    if not (vocabulary.is_file() and (folder / "merges.txt").is_file()):
        return None
    return ClipTokens(_open(folder, vocabulary.stat().st_mtime_ns))


@lru_cache(maxsize=4)
def _open(folder: Path, _changed_ns: int) -> Tokenizer:
    vocabulary, merges = models.BPE.read_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer = Tokenizer(
        models.BPE(vocabulary, merges, end_of_word_suffix="</w>", continuing_subword_prefix="", unk_token=_UNKNOWN)
    )
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), spaces, normalizers.Lowercase()])
    split = pre_tokenizers.Split(Regex(_PIECES), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return tokenizer
