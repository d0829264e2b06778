"""Rules tried before they are kept: which word refuses a prompt, how a mark looks on a picture."""

import base64
import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from apps.core.text import typed
from apps.images.blocking import finder, words_in
from apps.images.models import ImagePolicy
from apps.images.policy_forms import MOST_CHARS, MOST_WORDS, PROMPT_CHARS
from apps.images.watermarks import marked

SIDE, FOOT = 512, 120  # pixels of the picture, and of its foot that is shown


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a prompt: the word of the list that it holds, or that the installation's list refuses it."""

    prompt: str
    word: str = ""
    is_everywhere: bool = False


def try_prompt(prompt: str, words: str, *, in_team: bool) -> Trial:
    """Return whether a list, one word a line, refuses a prompt; in a team the installation's list does so too.

    The installation's words are not told.
    """
    prompt = typed(prompt, PROMPT_CHARS)
    for word in words_in(typed(words, MOST_CHARS))[:MOST_WORDS]:
        if finder(word)(prompt):
            return Trial(prompt, word)
    policy = ImagePolicy.objects.filter(team=None).first() if in_team else None
    is_everywhere = policy is not None and bool(policy.blocked_words.strip()) and finder(policy.blocked_words)(prompt)
    return Trial(prompt, is_everywhere=is_everywhere)


@lru_cache(maxsize=32)
def mark_preview(words: str) -> str:
    """Return the foot of a picture, light at the left and dark at the right, with the mark: the address of an image."""
    ramp = np.broadcast_to(np.linspace(245, 25, SIDE)[None, :, None], (SIDE, SIDE, 3))
    foot = marked(ramp.astype(np.uint8), words)[-FOOT:]
    buffer = io.BytesIO()
    Image.fromarray(foot).save(buffer, "WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
