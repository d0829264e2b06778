"""What two settings make of the same question: which passages moved, and which only one of them found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.evaluation.testing import Card


@dataclass(frozen=True, slots=True)
class Move:
    """Where a card stands on the other side: `by` places higher here than there; None: only here."""

    card: Card
    by: int | None = None

    @property
    def kind(self) -> str:
        """Return same, up, down or only."""
        if self.by is None:
            return "only"
        return "same" if self.by == 0 else "up" if self.by > 0 else "down"

    @property
    def places(self) -> int:
        """Return by how many places it moved."""
        return abs(self.by or 0)


@dataclass(frozen=True, slots=True)
class Summary:
    """How much two rankings have in common."""

    same: int
    moved: int
    only_first: int
    only_second: int


def moves(cards: Sequence[Card], others: Sequence[Card]) -> list[Move]:
    """Return the cards with their places compared with those of the other side."""
    places: Mapping[str, int] = {card.chunk: card.number for card in others}
    return [Move(card, places[card.chunk] - card.number if card.chunk in places else None) for card in cards]


def summary(first: Sequence[Card], second: Sequence[Card]) -> Summary:
    """Return the counts that stand above the two rankings."""
    here, there = moves(first, second), moves(second, first)
    kinds = [move.kind for move in here]
    return Summary(
        kinds.count("same"),
        kinds.count("up") + kinds.count("down"),
        kinds.count("only"),
        sum(move.kind == "only" for move in there),
    )


def documents(cards: Sequence[Card]) -> list[tuple[str, str, int]]:
    """Return (id, name, number of cards) of each document, the most frequent first."""
    counts = Counter((card.document, card.name) for card in cards)
    return [(document, name, count) for (document, name), count in counts.most_common()]
