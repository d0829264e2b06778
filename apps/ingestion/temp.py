"""Temporary files: every parse has a directory of its own, removed with the job; what killed processes left is swept.

Uploads under way lie there too (Django's temporary upload files): they are written to, so their time is recent.
"""

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)
PREFIX = "parse-"


def left_after() -> timedelta:
    """Return the age from which nobody can be at a temporary file any more."""
    return timedelta(seconds=3_600 + 2 * settings.ENV.parse_wall_s)


@contextmanager
def workspace() -> Iterator[Path]:
    """Give a directory for one parse; whatever is in it afterwards goes."""
    root = Path(settings.FILE_UPLOAD_TEMP_DIR)
    root.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def leftovers(age: timedelta) -> Iterator[Path]:
    """Yield what lies in the temporary directory and has not been touched for so long."""
    root = Path(settings.FILE_UPLOAD_TEMP_DIR)
    before = time.time() - age.total_seconds()
    for path in root.iterdir() if root.is_dir() else ():
        try:
            if path.lstat().st_mtime <= before:
                yield path
        except FileNotFoundError:  # its owner was quicker
            continue


def sweep(age: timedelta | None = None) -> int:
    """Remove what killed processes left behind; returns how many files and directories that were."""
    removed = 0
    for path in leftovers(left_after() if age is None else age):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        removed += 1
    if removed:
        logger.info("temporary files of dead processes removed", extra={"count": removed})
    return removed
