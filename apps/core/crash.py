"""Places at which a test may have a process killed, as a power cut would: no handler runs, nothing is flushed.

`reach(point)` does nothing unless KB_CRASH_AT names the point, which KB_TESTING alone allows. A point is armed by a
file below var/run/crash; the process that removes it is the one that dies, so that each arming kills exactly once.
"""

import os
import signal
from pathlib import Path

from django.conf import settings

POINTS = (
    "after-blob",  # the uploaded bytes are in the storage, no row knows them
    "after-row",  # the rows are written, not committed
    "before-bell",  # the upload is committed, nobody was told
    "after-claim",  # a worker has the lease
    "after-parse",  # the text is known to that worker alone
    "after-stage",  # the chunks are staged, not committed
    "before-embed-bell",  # they are committed, the embedder was not told
    "before-vectors",  # a batch has its vectors, in memory alone
    "after-vectors",  # and in the database
    "before-index-bell",  # all vectors are there, the indexer was not told
    "before-index-commit",  # the new version is written, not committed
    "after-index-commit",  # it is, and the worker has not said so to the broker
)
PICTURES = (
    "picture-drawn",  # the worker has it in memory alone
    "picture-stored",  # its file is there, no row knows it
    "picture-kept",  # the row is committed, the job is still held
    "picture-settled",  # the job gave its turn back, or has ended with its quota counted
)
SWITCHES = ("switch-before-commit", "switch-after-batch", "switch-after-commit")  # of the embedding model
_ALL = {*POINTS, *PICTURES, *SWITCHES}


def reach(point: str) -> None:
    """Kill this process if a test armed the point."""
    wanted: str = settings.ENV.crash_at
    if wanted and (wanted == "*" or point in wanted.split(",")) and disarm(point):
        os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    """Have the next process that reaches the point die there."""
    path = _file(point)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def is_armed(point: str) -> bool:
    """Return whether nobody died there since it was armed."""
    return _file(point).exists()


def disarm(point: str) -> bool:
    """Take an arming back; returns whether it was armed."""
    try:
        _file(point).unlink()
    except FileNotFoundError:
        return False
    return True


def _file(point: str) -> Path:
    if point not in _ALL:
        message = f"There is no crash point {point!r}."
        raise ValueError(message)
    return Path(settings.VAR_DIR) / "run" / "crash" / point
