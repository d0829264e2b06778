"""Which chunks of a document stay when it is cut anew: the same text at the same place keeps its row. Plain Python.

A row keeps its id (citations point to it), its vector and what people made of it. Rows are known again by the digest
of the draft they came from; people's own chunks stay behind the row they stood behind.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.libraries.types import ChunkDraft, draft_digest


@dataclass(frozen=True, slots=True)
class Old:
    """A row as it is; `digest` is its draft's, empty for a chunk that a person added."""

    id: UUID
    digest: str
    is_manual: bool
    is_edited: bool
    char_from: int

    @property
    def is_own_text(self) -> bool:
        """Return whether the text is a person's and no longer the draft's."""
        return self.is_manual or self.is_edited


@dataclass(frozen=True, slots=True)
class Placed:
    """One chunk of the new order: a draft (by its index) for a new row, or an old row, with its draft if it has one.

    `shift` moves the offsets of an old row. `is_part`: it is not all of its draft.
    """

    draft: int | None
    old: Old | None = None
    shift: int = 0
    is_part: bool = False


def place(olds: Sequence[Old], drafts: Sequence[ChunkDraft], removed: Counter[str]) -> list[Placed]:
    """Return the document's new chunks in order; old rows that are not among them go.

    `olds` are in their order. `removed` counts the drafts that people took out: as many of each digest stay away.
    A split row's parts, which share its digest, take the place of their draft together.
    """
    waiting = _units(olds)
    away = Counter(removed)
    placed: list[Placed] = []
    for index, draft in enumerate(drafts):
        digest = draft_digest(draft.heading_path, draft.text)
        if waiting.get(digest):
            unit = waiting[digest].popleft()
            shift = draft.char_from - unit[0].char_from
            placed += [Placed(index, old, shift, is_part=old.is_manual or len(unit) > 1) for old in unit]
        elif away[digest] > 0:
            away[digest] -= 1
        else:
            placed.append(Placed(index))
    return list(_with_added(placed, olds))


def _units(olds: Iterable[Old]) -> dict[str, deque[list[Old]]]:
    """Return the rows that stand for one draft each, by digest, in order."""
    units: dict[str, deque[list[Old]]] = {}
    for old in olds:
        if not old.digest:
            continue
        same = units.setdefault(old.digest, deque())
        if old.is_manual and same:
            same[-1].append(old)
        else:
            same.append([old])
    return units


def _with_added(placed: Sequence[Placed], olds: Sequence[Old]) -> Iterator[Placed]:
    """Yield the chunks with those that people added, each behind the nearest row before it that stays."""
    stays = {each.old.id for each in placed if each.old is not None}
    behind: dict[UUID | None, list[Old]] = {}
    anchor: UUID | None = None
    for old in olds:
        if old.id in stays:
            anchor = old.id
        elif old.is_manual and not old.digest:
            behind.setdefault(anchor, []).append(old)
    yield from (Placed(None, old) for old in behind.get(None, ()))
    for each in placed:
        yield each
        if each.old is not None:
            yield from (Placed(None, old) for old in behind.get(each.old.id, ()))
