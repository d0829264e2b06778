"""The settings that any picture carries, whichever program wrote them."""

from collections.abc import Mapping

from apps.images.grammar.comfyui import read_comfyui
from apps.images.grammar.infotext import Infotext, read_infotext
from apps.images.grammar.invokeai import read_invokeai


def read_picture_texts(texts: Mapping[str, str]) -> Infotext | None:
    """Return the settings in a picture's text chunks (by keyword), None where no program left any that is known.

    Known are AUTOMATIC1111's `parameters`, `invokeai_metadata`, and ComfyUI's `prompt` and `workflow`; an EXIF
    comment is passed as `parameters`. Raises `UnreadableInfo`.
    """
    if texts.get("parameters", "").strip():
        return read_infotext(texts["parameters"])
    if texts.get("invokeai_metadata", "").strip():
        return read_invokeai(texts["invokeai_metadata"])
    prompt, workflow = texts.get("prompt", ""), texts.get("workflow", "")
    if prompt.strip() or workflow.strip():
        found = read_comfyui(prompt, workflow)
        return None if found == Infotext() else found
    return None
