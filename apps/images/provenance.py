"""Where a picture comes from, written into its file: the settings as AUTOMATIC1111 writes them, and our own record."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings
from PIL import Image

from apps.catalog.models import AIModel
from apps.images.grammar.infotext import Infotext, fields_of, sampling_fields, write_infotext
from apps.images.grammar.loras import LoraRef
from apps.images.grammar.samplers import choose
from apps.images.models import ImageJob
from apps.images.orders import LoraWish, Order
from apps.images.planning import with_loras_read

PARAMETERS = "parameters"  # the chunk that AUTOMATIC1111 and its readers use
RECORD = "zhiku"
HASH_CHARS = 10  # of a model's hash, as AUTOMATIC1111 shortens it
_UPSCALERS = {"latent": "Latent", "lanczos": "Lanczos"}
_EXIF_IFD = 0x8769
_USER_COMMENT = 0x9286


@dataclass(frozen=True, slots=True)
class Texts:
    """What is written into a PNG. `record`: model, sha256, person (an id), time, product."""

    parameters: str
    record: Mapping[str, str | int | None] = field(default_factory=dict)

    def chunks(self) -> dict[str, str]:
        """Return the text chunks by their keywords."""
        made = {PARAMETERS: self.parameters} if self.parameters else {}
        if self.record:
            made[RECORD] = json.dumps(dict(self.record), ensure_ascii=False)
        return made


def texts_of(
    order: Order, *, size: tuple[int, int], model: AIModel | None, record: Mapping[str, str | int | None]
) -> Texts:
    """Return what is written into a picture's file. The person stands there as an id alone, never by name or mail."""
    known = {"model": model.name if model else "", "model_sha256": model.sha256 if model else ""}
    return Texts(infotext_of(order, size=size, model=model), {**known, **record})


def infotext_of(order: Order, *, size: tuple[int, int], model: AIModel | None) -> str:
    """Return the settings of a picture as other programs read them. LoRAs stand as tags in the prompt."""
    sampler, schedule = choose(order.sampler, order.schedule)
    # The size is that of the first pass, as upstream has it; an enlargement has none.
    width, height = (order.width, order.height) if order.hires else size
    written: dict[str, str | float | None] = {
        "Steps": order.steps,
        **sampling_fields(sampler, schedule),
        "CFG scale": order.guidance,
        "Seed": order.seed,
        "Size": f"{width}x{height}",
        "Model hash": model.sha256[:HASH_CHARS] if model else None,
        "Model": model.name if model else None,
        "Clip skip": order.clip_skip,
        "Version": f"zhiku {settings.VERSION}",
    }
    return write_infotext(
        Infotext(_tagged(order), order.negative, fields_of(written | _passes(order) | _steered(order)))
    )


def _passes(order: Order) -> dict[str, str | float | None]:
    """Return what is said of drawing over a picture, of a second pass, and of variations."""
    written: dict[str, str | float | None] = {}
    if order.kind not in {ImageJob.Kind.DRAW, ImageJob.Kind.UPSCALE}:
        written["Denoising strength"] = order.strength
    if order.hires is not None:
        written["Denoising strength"] = order.hires.strength
        written["Hires upscale"] = order.hires.scale
        written["Hires steps"] = order.hires.steps or None
        written["Hires upscaler"] = _UPSCALERS.get(order.hires.upscaler, order.hires.upscaler)
    if order.variation_seed is not None and order.variation_strength:
        written["Variation seed"] = order.variation_seed
        written["Variation seed strength"] = order.variation_strength
    return written


def _steered(order: Order) -> dict[str, str | float | None]:
    """Return ControlNet and IP-Adapter as sd-webui-controlnet writes its units; the pictures shown stand nowhere."""
    units = []
    if order.control is not None:
        control = order.control
        thresholds = {"Threshold A": control.low, "Threshold B": control.high} if control.method == "canny" else {}
        span = {"Guidance Start": control.start, "Guidance End": control.end}
        units.append({"Module": control.method, "Model": control.name, "Weight": control.scale} | thresholds | span)
    if order.image_prompt is not None:
        prompt = order.image_prompt
        units.append({"Module": "ip-adapter-auto", "Model": prompt.name, "Weight": prompt.scale})
    texts = (", ".join(f"{name}: {value}" for name, value in unit.items()) for unit in units)
    return {f"ControlNet {number}": text for number, text in enumerate(texts)}


def _tagged(order: Order) -> str:
    """Return the prompt with a tag for each LoRA that it does not name itself."""
    inside = {lora.name for lora in with_loras_read(Order(prompt=order.prompt)).loras}
    tags = [_tag(lora) for lora in order.loras if lora.name not in inside]
    return " ".join(part for part in (order.prompt, *tags) if part)


def _tag(lora: LoraWish) -> str:
    return LoraRef(lora.name, lora.weight if lora.text_weight is None else lora.text_weight, lora.weight).tag


def exif_of(parameters: str) -> bytes:
    """Return EXIF whose UserComment holds the settings, in UTF-16 as AUTOMATIC1111 writes it; b"" for no settings."""
    if not parameters:
        return b""
    exif = Image.Exif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = b"UNICODE\x00" + parameters.encode("utf-16-be")
    return exif.tobytes()
