"""Finds the documents and passages that an import names by words alone."""

from collections.abc import Sequence
from uuid import UUID

from apps.core.text import uuid_or_none
from apps.evaluation.judging import fold, has_words
from apps.evaluation.set_errors import DocumentAmbiguous, DocumentUnknown, QuoteUnknown
from apps.evaluation.set_services import QUOTE_MAX
from apps.libraries.models import Chunk, Document, Library

MOST_CHUNKS = 3_000  # of a document whose quotes are looked up; a longer one is believed


class Places:
    """Looks documents of a library up by id, by name, by folder and name, or by name without its ending."""

    def __init__(self, library: Library, named: Sequence[str]) -> None:
        self._by_name: dict[str, list[Document]] = {}
        documents = Document.objects.filter(library=library, deleted_at=None)
        if named:
            for document in documents.only("pk", "name", "folder").iterator():
                for name in _names(document):
                    self._by_name.setdefault(name, []).append(document)
        self._texts: dict[UUID, list[str]] = {}

    def gold(self, named: str, quote: str) -> dict[str, str]:
        """Return a gold passage as a question holds it. Raises DocumentUnknown, DocumentAmbiguous or QuoteUnknown."""
        document = self._document(named)
        quote = " ".join(quote.split())[:QUOTE_MAX]
        if quote and not self._has(document, quote):
            raise QuoteUnknown(name=document.name)
        return {"document": str(document.pk), "name": document.name, "quote": quote}

    def _document(self, named: str) -> Document:
        key = named.strip().strip("/").lower()
        identity = uuid_or_none(key)
        found = self._by_name.get(str(identity) if identity else key, [])
        if not found:
            raise DocumentUnknown(name=named.strip()[:80])
        if len(found) > 1:
            raise DocumentAmbiguous(name=named.strip()[:80], n=len(found))
        return found[0]

    def _has(self, document: Document, quote: str) -> bool:
        if document.pk not in self._texts:
            rows = Chunk.objects.filter(document=document).order_by("ordinal").values_list("text", flat=True)
            self._texts[document.pk] = list(rows[: MOST_CHUNKS + 1])
        texts = self._texts[document.pk]
        if len(texts) > MOST_CHUNKS or fold(quote) in fold(" ".join(texts)):
            return True
        return any(has_words(text, quote) for text in texts)


def _names(document: Document) -> set[str]:
    stem, dot, _ending = document.name.rpartition(".")
    whole = f"{document.folder}/{document.name}".strip("/")
    return {str(document.pk), whole.lower(), document.name.lower(), (stem if dot and stem else document.name).lower()}
