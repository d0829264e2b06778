"""A deterministic stand-in for a safety checker: it flags what is mostly red. Plain Python and numpy."""

import numpy as np

from apps.runtimes.checking import Verdict
from apps.runtimes.contracts import Picture
from apps.runtimes.spec import RuntimeSpec

MOSTLY = 0.5


class RedChecker:
    """Flags a picture more than half of whose pixels are red."""

    is_busy = False

    def check(self, picture: Picture) -> Verdict:
        """Return whether red prevails."""
        channels = picture.astype(np.int16)
        red = (channels[..., 0] > channels[..., 1] + 60) & (channels[..., 0] > channels[..., 2] + 60)
        is_flagged = bool(red.mean() > MOSTLY)
        return Verdict(is_flagged, ("red",) if is_flagged else ())

    def close(self) -> None:
        """Own nothing, free nothing."""


def load_checker(_spec: RuntimeSpec) -> RedChecker:
    """Return the checker; the factory of the registry."""
    return RedChecker()
