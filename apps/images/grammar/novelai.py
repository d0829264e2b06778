"""The settings in NovelAI's pictures (`Description`, `Source` and a JSON `Comment`), as `Infotext`.

Its own weights (`{word}`, `[word]`, `1.5::word::`) mean other things here: prompts stay as they were written.
"""

import re
from collections.abc import Mapping

from apps.images.grammar.infotext import Infotext, fields_of
from apps.images.grammar.samplers import labels_of
from apps.images.grammar.strange_json import number_of, read_object, size_of, text_of

_SOURCE = re.compile(r"(.*?)\s+([0-9A-F]{6,16})", re.DOTALL)  # "Stable Diffusion XL C1E1DE52"
_SOURCE_CHARS = 200
_NATIVE = "native"  # its name for the noise that the model was trained with


def is_novelai(texts: Mapping[str, str]) -> bool:
    """Return whether the texts of a picture are NovelAI's."""
    return texts.get("Software", "").startswith("NovelAI") and "Comment" in texts


def read_novelai(texts: Mapping[str, str]) -> Infotext:
    """Return the settings of NovelAI's texts. Raises `UnreadableInfo`."""
    found = read_object(texts["Comment"])
    source = _SOURCE.fullmatch(texts.get("Source", "")[:_SOURCE_CHARS].strip())
    noise = text_of(found.get("noise_schedule"))
    sampler, schedule = labels_of(text_of(found.get("sampler")), "uniform" if noise == _NATIVE else noise)
    fields = fields_of(
        {
            "Steps": number_of(found.get("steps")),
            "Sampler": sampler or None,
            "Schedule type": schedule or None,
            "CFG scale": number_of(found.get("scale")),
            "Seed": number_of(found.get("seed")),
            "Size": size_of(found),
            "Model hash": source[2] if source else None,
            "Model": source[1] if source else None,
            "Denoising strength": number_of(found.get("strength")),
        }
    )
    prompt = text_of(found.get("prompt")) or texts.get("Description", "")
    return Infotext(prompt.strip(), text_of(found.get("uc")).strip(), fields)
