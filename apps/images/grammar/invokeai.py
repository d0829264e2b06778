"""The settings in InvokeAI's pictures, as `Infotext`: `invokeai_metadata`, of version 2 `sd-metadata`, before `Dream`.

Prompts stay as they were written: InvokeAI's own weights (`word++`) mean nothing here, and nothing is guessed. LoRAs
become tags behind the prompt. Its clip skip counts skipped layers, ours the layer that is used: one more.
"""

import re
from collections.abc import Iterable

from apps.images.grammar.errors import PROMPT_CHARS, PromptError, UnreadableInfo
from apps.images.grammar.infotext import Infotext, fields_of
from apps.images.grammar.loras import LoraRef
from apps.images.grammar.samplers import SCHEDULES, UNIFORM, labels_of, split_label
from apps.images.grammar.strange_json import (
    Json,
    list_of,
    number_of,
    numeral_of,
    object_of,
    read_object,
    size_of,
    stem_of,
    text_of,
)

_KARRAS = "_k"
_DREAM = re.compile(r'"(.*)"(?:\s+(.*))?', re.DOTALL)
_OPTION = re.compile(r"-(\w+)\s+([^\s-]\S*|-[\d.]\S*)")
_NEGATIVE = re.compile(r"\[([^\[\]]*)\]")  # before version 3 words in square brackets were the negative prompt


def read_invokeai(text: str) -> Infotext:
    """Return the settings of an `invokeai_metadata` text. Raises `UnreadableInfo`."""
    found = read_object(text)
    model = object_of(found.get("model"))
    skipped = number_of(found.get("clip_skip"))
    sampler, schedule = _sampling(text_of(found.get("scheduler")))
    fields = fields_of(
        {
            "Steps": number_of(found.get("steps")),
            "Sampler": sampler or None,
            "Schedule type": schedule or None,
            "CFG scale": number_of(found.get("cfg_scale")),
            "Seed": number_of(found.get("seed")),
            "Size": size_of(found),
            "Model hash": text_of(model.get("hash")) or None,
            "Model": text_of(model.get("name")) or text_of(model.get("model_name")) or None,
            "Clip skip": skipped + 1 if skipped else None,
            "Denoising strength": number_of(found.get("strength")),
        }
    )
    tags = "".join(f" {lora.tag}" for lora in map(_lora, list_of(found.get("loras"))) if lora.name)
    prompt = (text_of(found.get("positive_prompt")) + tags).strip()
    return Infotext(prompt, text_of(found.get("negative_prompt")).strip(), fields)


def read_invokeai_2(text: str) -> Infotext:
    """Return the settings of an `sd-metadata` text. Raises `UnreadableInfo`."""
    found = read_object(text)
    image = object_of(found.get("image"))
    prompts = [text_of(object_of(each).get("prompt")) for each in list_of(image.get("prompt"))]
    return _older(
        prompts or [text_of(image.get("prompt"))],
        {
            "Steps": number_of(image.get("steps")),
            "Sampler": labels_of(text_of(image.get("sampler")), "")[0] or None,
            "CFG scale": number_of(image.get("cfg_scale")),
            "Seed": number_of(image.get("seed")),
            "Size": size_of(image),
            "Model hash": text_of(found.get("model_hash")) or None,
            "Model": text_of(found.get("model_weights")) or None,
        },
    )


def read_dream(text: str) -> Infotext:
    """Return the settings of a `Dream` text: the prompt in quotes, then options as in a shell.

    Raises `UnreadableInfo`.
    """
    match = _DREAM.fullmatch(text.strip()) if len(text) <= PROMPT_CHARS else None
    if match is None:
        raise UnreadableInfo
    options: dict[str, Json] = dict(_OPTION.findall(match[2] or ""))
    return _older(
        [match[1]],
        {
            "Steps": numeral_of(options.get("s")),
            "Sampler": labels_of(text_of(options.get("A")), "")[0] or None,
            "CFG scale": numeral_of(options.get("C")),
            "Seed": numeral_of(options.get("S")),
            "Size": size_of({"width": options.get("W"), "height": options.get("H")}),
            "Denoising strength": numeral_of(options.get("f")),
        },
    )


def _older(prompts: Iterable[str], settings: dict[str, str | float | None]) -> Infotext:
    """Return the settings of a version that wrote the negative prompt into the prompt."""
    whole = ", ".join(filter(None, prompts))
    negative = ", ".join(filter(None, (words.strip(" ,") for words in _NEGATIVE.findall(whole))))
    return Infotext(_NEGATIVE.sub("", whole).strip(" ,"), negative, fields_of(settings))


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
