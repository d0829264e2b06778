"""What a chat model is asked for a theme: the instruction, worked examples, the JSON schema. Plain Python.

The smallest models follow examples, not rules: each example is a theme and what a practised person would write. Base
models read the same examples as a text that they continue.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from apps.images.assistant.craft import PARTS, Draft
from apps.images.assistant.glossary import glossed
from apps.runtimes.contracts import ChatModel, Turn

INSTRUCTION: Final = (
    "You write prompts for a model that draws pictures. You get a theme in any language. Answer in English with JSON:"
    " short tags, one to four words each, the most important first, for the subject, its material, its details, the"
    " quality, the style, the colours and the light; under negative what must not be in the picture. A tag that"
    " matters more than others may be written with a weight, as in (red hair:1.2)."
)
EXAMPLES: Final[Sequence[tuple[str, Mapping[str, Sequence[str]]]]] = (
    ("一只在窗台上睡觉的猫", {
        "subject": ["a cat sleeping on a windowsill"], "material": ["soft fur"], "detail": ["curled up", "whiskers"],
        "quality": ["highly detailed"], "style": ["photograph"], "colour": ["orange", "cream"],
        "light": ["morning sunlight"], "negative": ["people", "cage"],
    }),
    ("portrait of an old fisherman", {
        "subject": ["(an old fisherman:1.2)"], "material": ["knitted wool"], "detail": ["white beard", "wrinkles"],
        "quality": ["high quality"], "style": ["portrait photograph"], "colour": ["dark blue"],
        "light": ["window light"], "negative": ["extra fingers", "hat"],
    }),
    ("江南水乡的小船", {
        "subject": ["a small boat", "a canal town"], "material": ["wood", "water"],
        "detail": ["stone bridge", "willow trees"], "quality": ["fine detail"], "style": ["Chinese ink painting"],
        "colour": ["black", "grey", "green"], "light": ["soft mist"], "negative": ["skyscrapers", "cars"],
    }),
    ("a castle in the mountains", {
        "subject": ["(a castle:1.2)", "mountains"], "material": ["old stone"], "detail": ["towers", "pine forest"],
        "quality": ["sharp focus"], "style": ["fantasy painting"], "colour": ["grey", "blue"],
        "light": ["evening light"], "negative": ["cars", "modern buildings"],
    }),
    ("穿蓝裙子的小女孩在花园里跳舞", {
        "subject": ["(a little girl dancing:1.2)", "a garden"], "material": ["silk dress"],
        "detail": ["flowers", "happy smile"], "quality": ["highly detailed"], "style": ["watercolour painting"],
        "colour": ["blue", "pink"], "light": ["bright daylight"], "negative": ["extra fingers", "crowd"],
    }),
)  # fmt: skip
# What small models copy from the examples whatever the theme is; it is said of none.
_COPIED: Final = frozenset(
    tag for _theme, answer in EXAMPLES for part in ("material", "detail") for tag in answer[part]
)
STOP: Final = "\nTheme:"
_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "subject": (1, 4), "material": (1, 3), "detail": (1, 6), "quality": (1, 3), "style": (1, 3), "colour": (1, 3),
    "light": (1, 2), "negative": (1, 6),
}  # fmt: skip
TAG_CHARS: Final = 48


def schema() -> str:
    """Return the JSON schema of an answer."""
    properties = {
        part: {
            "type": "array",
            "items": {"type": "string", "minLength": 2, "maxLength": TAG_CHARS},
            "minItems": least,
            "maxItems": most,
        }
        for part, (least, most) in _BOUNDS.items()
    }
    return json.dumps({
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    })  # fmt: skip


def prompt_of(
    model: ChatModel,
    theme: str,
    examples: Sequence[tuple[str, Mapping[str, Any]]] = EXAMPLES,
    instruction: str = INSTRUCTION,
) -> str:
    """Return what the model reads; Chinese themes with the English of their words."""
    if model.is_instruct:
        turns = [Turn("system", instruction)]
        for asked, answer in examples:
            turns += [Turn("user", glossed(asked)), Turn("assistant", _json(answer))]
        return model.render([*turns, Turn("user", glossed(theme))])
    told = "".join(f"Theme: {glossed(asked)}\nTags: {_json(answer)}\n" for asked, answer in examples)
    return f"{instruction}\n\n{told}Theme: {glossed(theme)}\nTags:"


def read(text: str) -> Draft | None:
    """Return what a model wrote, None where it is not what the schema asks for."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or set(found) != set(_BOUNDS):
        return None
    if not all(_is_tags(found[part], most) for part, (_least, most) in _BOUNDS.items()):
        return None
    parts = {part: tuple(tag for tag in found[part] if tag not in _COPIED) for part in PARTS}
    return Draft(parts, tuple(found["negative"]))


def _is_tags(value: Any, most: int) -> bool:
    return isinstance(value, list) and len(value) <= most and all(isinstance(each, str) for each in value)


def _json(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False)
