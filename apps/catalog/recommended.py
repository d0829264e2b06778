"""Models worth adding: those that arrive in packages are added by one press, others by their id on a hub.

Sizes and memory are those of the named file; licences as their makers state them, to be read before use.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import AIModel

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One model; `hub_id` (and `file`) say where a hub has it."""

    title: str
    kind: AIModel.Kind
    hub_id: str
    licence: str
    size_bytes: int
    memory_bytes: int
    why: str | Promise
    file: str = ""


SUGGESTIONS = (
    Suggestion(
        "Qwen3 4B Instruct", AIModel.Kind.CHAT, "unsloth/Qwen3-4B-Instruct-2507-GGUF", "Apache-2.0",
        int(2.5 * GIB), 4 * GIB, _("Answers well in Chinese and English on a machine with 8 GB."),
        "Qwen3-4B-Instruct-2507-Q4_K_M.gguf",
    ),
    Suggestion(
        "Qwen2.5 1.5B Instruct", AIModel.Kind.CHAT, "Qwen/Qwen2.5-1.5B-Instruct-GGUF", "Apache-2.0",
        int(1.1 * GIB), 2 * GIB, _("Small and quick; follows instructions in both languages."),
        "qwen2.5-1.5b-instruct-q4_k_m.gguf",
    ),
    Suggestion(
        "Gemma 3 4B Instruct", AIModel.Kind.CHAT, "ggml-org/gemma-3-4b-it-GGUF", "Gemma Terms of Use",
        int(2.5 * GIB), 4 * GIB, _("Strong in many languages."), "gemma-3-4b-it-Q4_K_M.gguf",
    ),
    Suggestion(
        "BGE-M3", AIModel.Kind.EMBEDDING, "BAAI/bge-m3", "MIT", int(2.3 * GIB), int(2.8 * GIB),
        _("Finds better than the packaged model, at about ten times its cost."),
    ),
    Suggestion(
        "Multilingual E5 base", AIModel.Kind.EMBEDDING, "intfloat/multilingual-e5-base", "MIT",
        int(1.1 * GIB), int(1.4 * GIB), _("The bigger sister of the packaged model."),
    ),
    Suggestion(
        "BGE reranker v2 M3", AIModel.Kind.RERANK, "BAAI/bge-reranker-v2-m3", "Apache-2.0",
        int(2.3 * GIB), int(2.8 * GIB), _("Sorts what was found once more; wants a fast machine."),
    ),
)  # fmt: skip


def suggestions() -> list[Suggestion]:
    """Return those that are not in the catalogue yet."""
    have = set(AIModel.objects.exclude(hub_id="").values_list("hub_id", flat=True))
    return [each for each in SUGGESTIONS if each.hub_id not in have]
