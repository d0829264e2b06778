"""What AUTOMATIC1111's reader of settings returns."""

import re

from apps.images.grammar.infotext import Infotext

SIZE = re.compile(r"(\d+)x(\d+)")


def mapping(info: Infotext) -> dict[str, str]:
    """Return all settings as strings, a size in two."""
    found: dict[str, str] = {}
    for key, value in info.fields:
        size = SIZE.fullmatch(value)
        found.update({f"{key}-1": size[1], f"{key}-2": size[2]} if size else {key: value})
    return {**found, "Prompt": info.prompt, "Negative prompt": info.negative}
