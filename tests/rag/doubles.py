"""Passages and tools without a database."""

from collections.abc import Callable
from uuid import UUID, uuid5

from apps.rag.pipeline import Limits, Tools
from apps.rag.types import Found, Language, Mode, Passage
from apps.runtimes.contracts import ChatModel
from apps.runtimes.fake import FakeEmbedder

NAMESPACE = UUID("5f0e3c39-7f0f-4d42-9d5b-6a2f3a3f7f10")


def passage(text: str, *, name: str = "handbook.pdf", at: int = 0, **fields: object) -> Passage:
    """Return a passage of the document `name` that begins at its character `at`."""
    document = uuid5(NAMESPACE, name)
    values: dict[str, object] = {
        "chunk_id": uuid5(document, f"{at}:{text}"),
        "document_id": document,
        "version_id": document,
        "library_id": NAMESPACE,
        "document_name": name,
        "text": text,
        "char_from": at,
        "char_to": at + len(text),
    }
    return Passage(**(values | fields))  # type: ignore[arg-type]  # each field is given its own type by the caller


def found(*texts: str, support: float = 0.9, language: Language = "en") -> Found:
    """Return what a search of documents with these texts gave, best first."""
    return Found(tuple(passage(text, name=f"doc{n}.txt") for n, text in enumerate(texts, 1)), support, language)


def tools(
    result: Found | Callable[[str], Found],
    *,
    chat: ChatModel | None = None,
    mode: Mode | None = None,
    limits: Limits | None = None,
) -> Tools:
    """Return tools over a ready result; they generate where there is a chat model, else they quote."""
    return Tools(
        search=result if callable(result) else lambda _question: result,
        embed=FakeEmbedder().embed_queries,
        mode=lambda _language: mode or ("generate" if chat else "quote"),
        chat=(lambda: chat) if chat else None,
        limits=limits or Limits(),
    )
