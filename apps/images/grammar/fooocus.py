"""The settings in Fooocus' pictures (its own scheme: one JSON object as `parameters`), as `Infotext`.

Its styles are lists of its own and stay out: the prompt is the one that the person wrote. LoRAs become tags behind it.
"""

import re
from collections.abc import Iterator, Mapping

from apps.images.grammar.infotext import Infotext, fields_of
from apps.images.grammar.loras import LoraRef
from apps.images.grammar.samplers import labels_of
from apps.images.grammar.strange_json import Json, list_of, numeral_of, stem_of, text_of

_RESOLUTION = re.compile(r"\s*\(?\s*(\d{1,6})\s*[,x×]\s*(\d{1,6})\s*\)?\s*", re.ASCII)
_COMBINED = "lora_combined_"  # older: "name.safetensors : 0.5"


def is_fooocus(found: Mapping[str, Json]) -> bool:
    """Return whether an object is what Fooocus writes."""
    return "prompt" in found and ("base_model" in found or text_of(found.get("version")).startswith("Fooocus"))


def read_fooocus(found: Mapping[str, Json]) -> Infotext:
    """Return the settings of Fooocus' object."""
    sampler, schedule = labels_of(text_of(found.get("sampler")), text_of(found.get("scheduler")))
    size = _RESOLUTION.fullmatch(text_of(found.get("resolution")))
    skip = numeral_of(found.get("clip_skip"))
    fields = fields_of(
        {
            "Steps": numeral_of(found.get("steps")),
            "Sampler": sampler or None,
            "Schedule type": schedule or None,
            "CFG scale": numeral_of(found.get("guidance_scale")),
            "Seed": numeral_of(found.get("seed")),
            "Size": f"{size[1]}x{size[2]}" if size else None,
            "Model hash": text_of(found.get("base_model_hash")) or None,
            "Model": stem_of(found.get("base_model")) or None,
            "Clip skip": skip if skip is not None and skip > 1 else None,
        }
    )
    tags = "".join(f" {lora.tag}" for lora in _loras(found))
    return Infotext(
        (text_of(found.get("prompt")) + tags).strip(), text_of(found.get("negative_prompt")).strip(), fields
    )


def _loras(found: Mapping[str, Json]) -> Iterator[LoraRef]:
    entries = [list_of(entry)[:2] for entry in list_of(found.get("loras"))]
    if not entries:
        combined = (text_of(value) for key, value in found.items() if key.startswith(_COMBINED))
        entries = [[*value.rpartition(" : ")[::2]] for value in combined]
    for entry in entries:
        name, weight = stem_of(entry[0] if entry else None), numeral_of(entry[-1] if entry else None)
        if name and weight is not None:
            yield LoraRef(name, float(weight), float(weight))
