"""How many tokens the texts of an order have, for the page; by the model's own tokenizer and the grammar."""

import math

from apps.catalog.models import AIModel
from apps.catalog.specs import spec_of
from apps.images.grammar.attention import parse_attention
from apps.images.grammar.composition import parse_composition
from apps.images.grammar.schedule import parse_schedule
from apps.runtimes.clip_tokens import ClipTokens, clip_tokens
from apps.runtimes.diffusion.chunks import CHUNK_TOKENS, TokenCount, WeightedTokens, count_tokens, cut_chunks


def count(model: AIModel, text: str, steps: int) -> TokenCount | None:
    """Return the longest of what the model reads of a prompt, of all its parts and steps; None: not to be known.

    Raises PromptError for a prompt that cannot be read.
    """
    tokens = clip_tokens(spec_of(model))
    if tokens is None:
        return None
    texts = {stage.text for part in parse_composition(text) for stage in parse_schedule(part.text, steps)}
    return max((_of_text(tokens, each) for each in texts), key=lambda found: (found.room, found.used))


def chunks_of(found: TokenCount) -> int:
    """Return into how many pieces of 75 tokens the text is cut."""
    return math.ceil(found.room / CHUNK_TOKENS)


def _of_text(tokens: ClipTokens, text: str) -> TokenCount:
    spans = [
        WeightedTokens((), is_break=True) if span.is_break else WeightedTokens(tokens.ids(span.text))
        for span in parse_attention(text)
    ]
    return count_tokens(cut_chunks(spans, comma_id=tokens.comma))
