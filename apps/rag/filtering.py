"""The SQL of what a question may be narrowed to, on the aliases `c` (chunk) and `d` (document) of a search.

Every value is a parameter. Conditions on documents and on chunks are kept apart: those of documents alone say how many
chunks are left, which decides the plan.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.libraries.families import FAMILIES, signs_of
from apps.libraries.lexical import analyse, certain_terms, quoted
from apps.libraries.lexical_store import lexeme
from apps.rag.options import Filters
from apps.rag.phrases import pattern_of

# What is searched of a chunk (`lexical_store`): in this order, so that a phrase never runs from one part to the next.
_SEARCHED = r"""normalize(concat_ws(E'\n\n', d.name, array_to_string(c.heading_path, E'\n\n'), c.text,
    array_to_string(c.questions, E'\n\n'), array_to_string(c.keywords, E'\n\n')), NFKC)"""


@dataclass(frozen=True, slots=True)
class Fragment:
    """Conditions that begin with AND, or nothing. `terms` stand in every chunk that they let through."""

    documents: str = ""
    chunks: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    terms: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """Return all conditions."""
        return self.documents + self.chunks

    def __bool__(self) -> bool:
        return bool(self.documents or self.chunks)


NOTHING = Fragment()


def fragment_of(filters: Filters, libraries: Sequence[UUID]) -> Fragment:
    """Return the conditions of filters for a search in `libraries`."""
    if not filters:
        return NOTHING
    builder = _Builder(libraries)
    builder.add(filters)
    return builder.fragment


class _Builder:
    def __init__(self, libraries: Sequence[UUID]) -> None:
        self._libraries = libraries
        self._documents: list[str] = []
        self._chunks: list[str] = []
        self._params: dict[str, Any] = {}
        self._terms: list[str] = []

    @property
    def fragment(self) -> Fragment:
        """Return what was added until now."""
        documents, chunks = (
            "".join(f" AND ({each})" for each in conditions) for conditions in (self._documents, self._chunks)
        )
        return Fragment(documents, chunks, self._params, tuple(dict.fromkeys(self._terms)))

    def add(self, filters: Filters) -> None:
        """Add every condition of filters, and of those that hold beside them."""
        self._documents += list(self._of_documents(filters))
        for phrase in filters.phrases:
            self._chunks.append(self._phrase(phrase))
            self._terms += certain_terms(phrase)
        if filters.preferred:
            self._chunks.append(" OR ".join(map(self._phrase, filters.preferred)))
        self._chunks += [f"NOT ({self._excluded(each)})" for each in filters.excluded]
        for further in filters.also:
            self.add(further)

    def _of_documents(self, filters: Filters) -> Iterator[str]:
        makers: list[tuple[tuple[str, ...], Callable[[str], str]]] = [
            (filters.tags, self._tag),
            (filters.types, self._type),
            (filters.folders, self._folder),
            (filters.places, self._place),
        ]
        for values, make in makers:
            if values:
                yield " OR ".join(make(value) for value in values)
        if filters.documents:
            yield f"d.id = ANY({self._give(list(filters.documents))})"
        if filters.after:
            yield f"d.created_at >= {self._give(_midnight(filters.after))}"
        if filters.before:
            yield f"d.created_at < {self._give(_midnight(filters.before + timedelta(days=1)))}"
        for key, value in filters.metadata:
            yield f"d.metadata ->> {self._give(key)}::text = {self._give(value)}"

    def _give(self, value: Any) -> str:
        name = f"narrow{len(self._params)}"
        self._params[name] = value
        return f"%({name})s"

    def _tag(self, tag: str) -> str:
        return f"{self._give(tag.lower())} IN (SELECT lower(t.tag) FROM unnest(d.tags) AS t(tag))"  # noqa: S608

    def _type(self, name: str) -> str:
        if name in FAMILIES:
            signs, others = signs_of(name)
            given = self._give([f"%{_plain(sign)}%" for sign in signs])
            wanted = f"d.media_type LIKE ANY({given})" if signs else "true"
            unwanted = self._give([f"%{_plain(sign)}%" for sign in others])
            return f"{wanted} AND NOT d.media_type LIKE ANY({unwanted})" if others else wanted
        if "/" in name:
            return f"d.media_type = {self._give(name)}"
        return f"lower(d.name) LIKE {self._give('%.' + _plain(name.lower()))}"

    def _folder(self, folder: str) -> str:
        below = self._give(_plain(folder) + "/%")
        return f"d.folder = {self._give(folder)} OR d.folder LIKE {below}"

    def _place(self, place: str) -> str:
        """Return the condition of a folder at any level, or of a part of a document's name."""
        inside = self._give("%/" + _plain(place.lower()) + "/%")
        part = self._give("%" + _plain(place.lower()) + "%")
        return f"'/' || lower(d.folder) || '/' LIKE {inside} OR lower(d.name) LIKE {part}"

    def _phrase(self, phrase: str) -> str:
        verified = f"{_SEARCHED} ~ {self._give(pattern_of(phrase))}"
        terms = certain_terms(phrase)
        return f"c.terms @@ {self._give(self._all_of(terms))}::tsquery AND {verified}" if terms else verified

    def _excluded(self, text: str) -> str:
        """Return the condition of having a word in any of its forms, or a phrase as it is written."""
        terms = list(dict.fromkeys(analyse(text)))
        if len(terms) == 1:
            return f"coalesce(c.terms @@ {self._give(self._all_of(terms))}::tsquery, false)"
        return f"coalesce({self._phrase(text)}, false)"

    def _all_of(self, terms: Sequence[str]) -> str:
        """Return a tsquery for chunks of any of the libraries that have all of the terms."""
        each = (" & ".join(quoted(lexeme(library, term)) for term in terms) for library in self._libraries)
        return " | ".join(f"({one})" for one in each)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _plain(text: str) -> str:
    """Return a text in which LIKE sees no wildcard."""
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
