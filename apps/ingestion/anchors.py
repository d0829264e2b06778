"""Where an earlier cutting of a document cut, found again in its new text.

Chunks are packed one after another, so without a hold one changed sentence would move every cut behind it and the whole
rest of the document would be embedded again. A cut is known by the atoms around it; a place that looks like another
one is none.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from apps.ingestion.atoms import Atom, document_atoms
from apps.libraries.types import Block, whole_text

AROUND = 2  # atoms before and behind a cut that tell it from others

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Anchors:
    """The surroundings of the cuts of an earlier version, each unique in it."""

    keys: frozenset[Key] = field(default_factory=frozenset)

    def places(self, text: str, atoms: Sequence[Atom]) -> frozenset[int]:
        """Return the atoms before which the earlier version was cut."""
        if not self.keys:
            return frozenset()
        found = [(key, at) for at, key in enumerate(_keys(text, atoms)) if key in self.keys]
        times = Counter(key for key, _at in found)
        return frozenset(at for key, at in found if times[key] == 1)


NO_ANCHORS = Anchors()


def anchors_of(blocks: Sequence[Block], ends: Iterable[int]) -> Anchors:
    """Return the anchors of a version with these blocks whose chunks ended at these characters of its whole text."""
    text = whole_text(blocks)
    starts = list(accumulate((len(block.text) + 2 for block in blocks), initial=0))[:-1]
    atoms = document_atoms(blocks, starts)
    keys = _keys(text, atoms)
    begins = [atom.start for atom in atoms]
    cuts = {
        at for end in set(ends) if (at := bisect_left(begins, end)) < len(atoms) and not text[end : begins[at]].strip()
    }
    times = Counter(keys)
    return Anchors(frozenset(keys[at] for at in cuts if times[keys[at]] == 1))


def _keys(text: str, atoms: Sequence[Atom]) -> list[Key]:
    """Return the texts around the beginning of each atom."""
    texts = ["".join(text[atom.start : atom.end].split()) for atom in atoms]
    padded = [""] * AROUND + texts + [""] * AROUND
    return [tuple(padded[at : at + 2 * AROUND]) for at in range(len(atoms))]
