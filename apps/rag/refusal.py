"""When an answer is refused, and what is said then. Plain Python."""

import re
from collections.abc import Sequence

from apps.rag.passages import Given
from apps.rag.types import Cite, Found, Language

# Support below which a question counts as unanswerable, chosen by `manage.py calibrate_support` (docs/adr/0025).
LEAST_SUPPORT: dict[Language, float] = {"zh": 0.4, "en": 0.55}
STRICT_SUPPORT: dict[Language, float] = {"zh": 0.6, "en": 0.7}  # the same for strict answers
LONGEST_EXCUSE = 200  # characters; a longer answer says more than that it has none
NEAREST = 3  # passages that a refusal offers

_GIVES_UP = re.compile(
    r"\bi (?:do not|don't|cannot|can't) (?:know|answer|find)\b"
    r"|\b(?:passages?|texts?|documents?|context|information) (?:provided )?(?:do|does|did) not\b"
    r"|\bnot (?:mentioned|stated|provided|given|specified|found) in the (?:given |provided )?"
    r"(?:passage|text|document|context)"
    r"|(?:片段|资料|文中|文档|上文)[里中]?(?:没有|未|并未|没)|没有找到|无法(?:回答|确定|得知)|不知道",
    re.IGNORECASE,
)
_TEXTS: dict[Language, dict[str, str]] = {
    "zh": {
        "none": "在所选的 {libraries} 个知识库中没有找到与这个问题有关的内容。",
        "near": "在所选的 {libraries} 个知识库中没有找到能可靠回答这个问题的内容。最接近的片段：{marks}",
    },
    "en": {
        "none": "Nothing in the {libraries} searched has to do with this question.",
        "near": "Nothing in the {libraries} searched answers this question reliably. The nearest passages: {marks}",
    },
}


def is_supported(found: Found, *, is_strict: bool = False) -> bool:
    """Return whether what was found can carry an answer."""
    least = STRICT_SUPPORT if is_strict else LEAST_SUPPORT
    return bool(found.passages) and found.support >= least[found.language]


def is_weak(found: Found) -> bool:
    """Return whether an answer is given that a strict one would not give."""
    return is_supported(found) and not is_supported(found, is_strict=True)


def gives_up(text: str) -> bool:
    """Return whether a model's short answer says that it has none."""
    return len(text) < LONGEST_EXCUSE and bool(_GIVES_UP.search(text))


def refuse(language: Language, libraries: int, given: Sequence[Given]) -> tuple[str, tuple[Cite, ...]]:
    """Return what is said instead of an answer, in the language of the question, and the nearest passages."""
    cites = tuple(Cite(each.number, each.passage) for each in given[:NEAREST])
    counted = str(libraries) if language == "zh" else "library" if libraries == 1 else f"{libraries} libraries"
    marks = " ".join(f"[{cite.number}]" for cite in cites)
    return _TEXTS[language]["near" if cites else "none"].format(libraries=counted, marks=marks), cites
