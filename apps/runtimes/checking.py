"""What the product asks of a safety checker of pictures. Plain Python: no Django, no model library."""

from dataclasses import dataclass
from typing import Protocol

from apps.runtimes.contracts import Picture


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker says of a picture. `reasons` are for the log, in the checker's own words."""

    is_flagged: bool
    reasons: tuple[str, ...] = ()


class PictureChecker(Protocol):
    """Looks at a finished picture before it is kept."""

    is_busy: bool

    def check(self, picture: Picture) -> Verdict:
        """Return whether the picture may be kept. Raises RuntimeFailure where it cannot be told."""
        ...

    def close(self) -> None:
        """Free the checker."""
        ...
