"""Opens office files that a password locks (MS-OFFCRYPTO), by msoffcrypto-tool (MIT)."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from apps.ingestion.parsers import ole
from apps.ingestion.parsers.types import Refused, Task


@contextmanager
def unlocked(task: Task) -> Iterator[IO[bytes]]:
    """Give the file of a task, deciphered into a file without a name if it is locked.

    Raises Refused "encrypted" without a password, "wrong-password" with another.
    """
    with Path(task.path).open("rb") as file:
        is_locked = file.read(len(ole.MAGIC)) == ole.MAGIC  # OOXML is a zip file, and in a compound file if locked
        file.seek(0)
        if not is_locked:
            yield file
            return
        if not task.password:
            raise Refused("encrypted")
        with tempfile.TemporaryFile() as plain:
            decipher(file, task.password, plain)
            plain.seek(0)
            yield plain


def decipher(file: IO[bytes], password: str, plain: IO[bytes]) -> None:
    """Write the deciphered document into `plain`. Raises Refused."""
    import msoffcrypto  # noqa: PLC0415  rare, and it loads a cryptographic library
    from msoffcrypto.exceptions import DecryptionError, FileFormatError, InvalidKeyError, ParseError  # noqa: PLC0415

    try:
        office = msoffcrypto.OfficeFile(file)
        office.load_key(password=password)
        office.decrypt(plain)
    except InvalidKeyError as error:
        raise Refused("wrong-password") from error
    except (DecryptionError, FileFormatError, ParseError, ValueError, KeyError, IndexError, OSError) as error:
        raise Refused("broken", reason="encryption") from error
