"""Reads Word and PowerPoint files before 2007 through LibreOffice, where that is installed.

It runs in the parser's child: within its limits, without a network, in its process group, so that it ends with it.
Its profile and its files live in a directory for this one document, which the host removes whatever happens.
"""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from apps.ingestion.parsers.locked import decipher
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument

PROGRAMS = ("soffice", "libreoffice")
SECONDS = 150
MIN_SECONDS = 5.0


def read_converted(
    task: Task,
    suffix: str,
    target: str,
    parse: Callable[[Task], ParsedDocument],
    otherwise: Callable[[Task], ParsedDocument] | None = None,
) -> ParsedDocument:
    """Return what `parse` makes of the document as LibreOffice writes it in the format `target`. Raises Refused.

    The code is "needs-libreoffice" where there is none; a locked file is deciphered before. `otherwise`, if given,
    reads the file where LibreOffice cannot.
    """
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), "")
    with tempfile.TemporaryDirectory(prefix="zhiku-office-") as folder, _plain(task, folder, suffix) as source:
        plain = replace(task, path=str(source), password=None)
        try:
            return parse(replace(plain, path=str(_convert(program, plain, Path(folder), target))))
        except Refused as refused:
            if otherwise is None or refused.code not in {"needs-libreoffice", "broken"}:
                raise
            return _read_otherwise(otherwise, plain, refused)


def _read_otherwise(otherwise: Callable[[Task], ParsedDocument], task: Task, refused: Refused) -> ParsedDocument:
    """Return what can be read without LibreOffice; what cannot is refused as it was before."""
    try:
        return otherwise(task)
    except Refused as failed:
        raise (refused if failed.code in {"broken", "empty"} else failed) from failed


@contextmanager
def _plain(task: Task, folder: str, suffix: str) -> Iterator[Path]:
    """Give a file under a name that LibreOffice knows what to do with, deciphered if it is locked."""
    source = Path(folder) / f"source{suffix}"
    if is_locked(task.path):
        if not task.password:
            raise Refused("encrypted")
        with Path(task.path).open("rb") as file, source.open("wb") as plain:
            decipher(file, task.password, plain)
    else:
        source.symlink_to(Path(task.path).resolve())
    yield source


def is_locked(path: str) -> bool:
    """Return whether an old office file says that it is enciphered."""
    import msoffcrypto  # noqa: PLC0415  few documents are that old
    from msoffcrypto.exceptions import FileFormatError, ParseError  # noqa: PLC0415

    with Path(path).open("rb") as file:
        try:
            return bool(msoffcrypto.OfficeFile(file).is_encrypted())
        except (FileFormatError, ParseError, ValueError, KeyError, IndexError, AttributeError, OSError):
            return False  # so old or so damaged that LibreOffice has to say


def streams(path: str, names: Iterable[str]) -> dict[str, bytes]:
    """Return the streams of these names in the root of a compound file. Raises Refused."""
    import olefile  # noqa: PLC0415  few documents are that old

    try:
        with olefile.OleFileIO(path) as file:
            return {name: file.openstream(name).read() for name in names if file.exists(name)}
    except (OSError, ValueError, IndexError, struct.error) as error:  # OSError is what olefile raises for damage
        raise Refused("broken", reason="ole") from error


def _convert(program: str, task: Task, folder: Path, target: str) -> Path:
    """Return the file that LibreOffice made. Raises Refused when it made none, or is not there."""
    source = Path(task.path)
    if not program:
        raise Refused("needs-libreoffice", suffix=source.suffix)
    command = [
        *(program, "--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck", "--nofirststartwizard"),
        f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        *("--convert-to", target, "--outdir", str(folder / "out"), str(source)),
    ]
    seconds = max(MIN_SECONDS, min(SECONDS, task.limits.wall_s - MIN_SECONDS))
    home = {"HOME": str(folder), "TMPDIR": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    try:
        subprocess.run(  # noqa: S603  no shell; the path is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=home,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Refused("parse-timeout", seconds=round(seconds)) from error
    made = folder / "out" / f"{source.stem}.{target}"
    if not made.is_file():
        raise Refused("broken", reason="libreoffice")
    return made
