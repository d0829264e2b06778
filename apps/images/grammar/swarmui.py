"""The settings in SwarmUI's pictures (a JSON object as `parameters`), as `Infotext`; LoRAs become tags."""

from collections.abc import Iterator, Mapping

from apps.images.grammar.infotext import Infotext, fields_of
from apps.images.grammar.loras import LoraRef
from apps.images.grammar.samplers import labels_of
from apps.images.grammar.strange_json import Json, list_of, numeral_of, object_of, size_of, stem_of, text_of

_SETTINGS = "sui_image_params"


def is_swarmui(found: Mapping[str, Json]) -> bool:
    """Return whether an object is what SwarmUI writes."""
    return _SETTINGS in found


def read_swarmui(found: Mapping[str, Json]) -> Infotext:
    """Return the settings of SwarmUI's object."""
    told = object_of(found.get(_SETTINGS))
    sampler, schedule = labels_of(text_of(told.get("sampler")), text_of(told.get("scheduler")))
    fields = fields_of(
        {
            "Steps": numeral_of(told.get("steps")),
            "Sampler": sampler or None,
            "Schedule type": schedule or None,
            "CFG scale": numeral_of(told.get("cfgscale")),
            "Seed": numeral_of(told.get("seed")),
            "Size": size_of(told),
            "Model": stem_of(told.get("model")) or None,
        }
    )
    tags = "".join(f" {lora.tag}" for lora in _loras(told))
    return Infotext((text_of(told.get("prompt")) + tags).strip(), text_of(told.get("negativeprompt")).strip(), fields)


def _loras(told: Mapping[str, Json]) -> Iterator[LoraRef]:
    weights = list_of(told.get("loraweights"))
    for number, value in enumerate(list_of(told.get("loras"))):
        weight = numeral_of(weights[number]) if number < len(weights) else 1.0
        if stem_of(value) and weight is not None:
            yield LoraRef(stem_of(value), float(weight), float(weight))
