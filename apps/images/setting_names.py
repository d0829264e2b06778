"""What the settings of an order are called on the page, by their paths in `Order`."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def labels() -> Mapping[str, str]:
    """Return the names of `Order`'s fields in the reader's language."""
    return {
        "prompt": _("Prompt"),
        "negative": _("What it must not show"),
        "model": _("Model"),
        "width": _("Width in pixels"),
        "height": _("Height in pixels"),
        "steps": _("Steps"),
        "guidance": _("Guidance"),
        "sampler": _("Sampler"),
        "schedule": _("Noise schedule"),
        "clip_skip": _("Clip skip"),
        "seed": _("Seed"),
        "count": pgettext("how many", "Pictures"),
        "variation_seed": _("Second seed"),
        "variation_strength": _("Variation"),
        "source": _("The source"),
        "mask": _("What is drawn anew"),
        "mask_blur": _("Soft edge"),
        "strength": pgettext("how much of the source", "Change"),
        "loras": _("Adapters"),
        "styles": _("Styles"),
        "hires": _("Second pass, larger"),
        "control": _("ControlNet"),
        "image_prompt": _("Image prompt"),
        "axes": _("Compare settings in a grid"),
        "upscale": _("Times as large"),
        "upscaler": _("Enlarged by"),
        "outpaint": _("Added at the edges"),
    }


def _inner() -> Mapping[str, str]:
    return {
        "hires.scale": _("Times as large"),
        "hires.steps": _("Steps of the second pass"),
        "hires.strength": pgettext("how much of the source", "Change"),
        "hires.upscaler": _("Enlarged by"),
        "loras.weight": _("Weight of the adapter"),
        "loras.text_weight": _("Weight of the adapter"),
        "control.picture": _("Picture"),
        "control.scale": _("How strictly"),
        "control.start": _("From this part of the steps"),
        "control.end": _("To this part of the steps"),
        "control.low": _("Faint edges from"),
        "control.high": _("Strong edges from"),
        "image_prompt.picture": _("Picture"),
        "image_prompt.scale": _("How much of its look"),
        "axes.values": _("Its values"),
        "axes.lora_weight": _("Weight of the adapter"),
        "axes.hires_steps": _("Steps of the second pass"),
        "axes.size": _("Size"),
    }


def setting_name(path: str) -> str:
    """Return what the setting at a path is called: "hires.scale", "outpaint.0"; the path itself where nothing is."""
    head, _dot, rest = path.partition(".")
    named = labels()
    if rest and head in named:
        inner = _inner().get(path)
        return f"{named[head]}: {inner}" if inner else named[head]
    return named.get(path, path)
