"""The settings that any picture carries, whichever program wrote them."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.images.grammar.comfyui import read_comfyui
from apps.images.grammar.errors import UnreadableInfo
from apps.images.grammar.fooocus import is_fooocus, read_fooocus
from apps.images.grammar.infotext import Infotext, read_infotext
from apps.images.grammar.invokeai import read_dream, read_invokeai, read_invokeai_2
from apps.images.grammar.novelai import is_novelai, read_novelai
from apps.images.grammar.strange_json import read_object
from apps.images.grammar.swarmui import is_swarmui, read_swarmui

# The text chunks that are read, and so all that need be looked for in a file.
KEYWORDS = (
    "parameters",
    "invokeai_metadata",
    "sd-metadata",
    "Dream",
    "prompt",
    "workflow",
    "Comment",
    "Description",
    "Software",
    "Source",
)


@dataclass(frozen=True, slots=True)
class Pictured:
    """The settings in a picture, and the program that writes them so."""

    program: str
    info: Infotext


def read_picture_texts(texts: Mapping[str, str]) -> Pictured | None:
    """Return the settings in a picture's text chunks (by keyword), None where no program left any that is known.

    The block that everybody reads goes first. An EXIF comment is passed as `parameters`. Raises `UnreadableInfo`.
    """
    texts = {key: text for key, text in texts.items() if text.strip()}
    if "parameters" in texts:
        found = _parameters(texts["parameters"])
    elif "invokeai_metadata" in texts:
        found = Pictured("InvokeAI", read_invokeai(texts["invokeai_metadata"]))
    elif "sd-metadata" in texts:
        found = Pictured("InvokeAI", read_invokeai_2(texts["sd-metadata"]))
    elif "Dream" in texts:
        found = Pictured("InvokeAI", read_dream(texts["Dream"]))
    elif is_novelai(texts):
        found = Pictured("NovelAI", read_novelai(texts))
    elif "prompt" in texts or "workflow" in texts:
        found = Pictured("ComfyUI", read_comfyui(texts.get("prompt", ""), texts.get("workflow", "")))
    else:
        return None
    return None if found.info == Infotext() else found


def _parameters(text: str) -> Pictured:
    """Return what `parameters` holds: AUTOMATIC1111's block, or the JSON of programs that use its keyword."""
    if text.lstrip().startswith("{"):
        try:
            found = read_object(text)
        except UnreadableInfo:  # no JSON: a prompt may begin with a variant, `{red|green} ball`
            found = {}
        if is_fooocus(found):
            return Pictured("Fooocus", read_fooocus(found))
        if is_swarmui(found):
            return Pictured("SwarmUI", read_swarmui(found))
    return Pictured("AUTOMATIC1111", read_infotext(text))
