"""The settings in InvokeAI's pictures (`invokeai_metadata`), as `Infotext`.

Prompts stay as they were written: InvokeAI's own weights (`word++`) mean nothing here, and nothing is guessed. LoRAs
become tags behind the prompt. Its clip skip counts skipped layers, ours the layer that is used: one more.
"""

from apps.images.grammar.errors import PromptError
from apps.images.grammar.infotext import Infotext, fields_of
from apps.images.grammar.loras import LoraRef
from apps.images.grammar.samplers import SCHEDULES, UNIFORM, split_label
from apps.images.grammar.strange_json import Json, list_of, number_of, object_of, read_object, stem_of, text_of

_KARRAS = "_k"


def read_invokeai(text: str) -> Infotext:
    """Return the settings of an `invokeai_metadata` text. Raises `UnreadableInfo`."""
    found = read_object(text)
    model = object_of(found.get("model"))
    width, height = number_of(found.get("width")), number_of(found.get("height"))
    skipped = number_of(found.get("clip_skip"))
    sampler, schedule = _sampling(text_of(found.get("scheduler")))
    fields = fields_of(
        {
            "Steps": number_of(found.get("steps")),
            "Sampler": sampler or None,
            "Schedule type": schedule or None,
            "CFG scale": number_of(found.get("cfg_scale")),
            "Seed": number_of(found.get("seed")),
            "Size": f"{width:.0f}x{height:.0f}" if width is not None and height is not None else None,
            "Model hash": text_of(model.get("hash")) or None,
            "Model": text_of(model.get("name")) or text_of(model.get("model_name")) or None,
            "Clip skip": skipped + 1 if skipped else None,
            "Denoising strength": number_of(found.get("strength")),
        }
    )
    tags = "".join(f" {lora.tag}" for lora in map(_lora, list_of(found.get("loras"))) if lora.name)
    prompt = (text_of(found.get("positive_prompt")) + tags).strip()
    return Infotext(prompt, text_of(found.get("negative_prompt")).strip(), fields)


def _lora(value: Json) -> LoraRef:
    entry = object_of(value)
    model = object_of(entry.get("model")) or object_of(entry.get("lora"))
    weight = number_of(entry.get("weight"))
    share = 1.0 if weight is None else float(weight)
    return LoraRef(stem_of(model.get("name") or model.get("model_name")), share, share)


def _sampling(name: str) -> tuple[str, str]:
    """Return the labels of InvokeAI's scheduler; a name that is unknown here stays, to be refused by name."""
    is_karras = name.endswith(_KARRAS)
    try:
        sampler, _ = split_label(name.removesuffix(_KARRAS))
    except PromptError:
        return name, ""
    return sampler.label, SCHEDULES["karras" if is_karras else UNIFORM].label
