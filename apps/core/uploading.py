"""Takes uploaded files to the disk, and survives a full one."""

import errno
from contextlib import suppress

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.http import HttpRequest

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_MARK = "kb.no_space"


class PatientUploadHandler(TemporaryFileUploadHandler):
    """Writes to temporary files; where the disk has no space, the file is left out and the request says so.

    Django reads a form before any view runs, so an error here would be a plain 500 (security-cases section 2, row 16).
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a piece of the file."""
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError as error:
            self._give_up(error)
            raise SkipFile from error

    def file_complete(self, file_size: int) -> "UploadedFile[bytes] | None":
        """Return the file; what is still buffered is written here. None where that has no place."""
        try:
            self.file.flush()
        except OSError as error:
            self._give_up(error)
            return None
        return super().file_complete(file_size)

    def _give_up(self, error: OSError) -> None:
        """Take note of a full disk and remove the file. Raises any other error."""
        if error.errno not in NO_SPACE or self.request is None:
            raise error
        self.request.META[_MARK] = True
        with suppress(OSError):  # what is buffered cannot be written either
            self.file.close()


def lacked_space(request: HttpRequest) -> bool:
    """Return whether a file of the request was left out because the disk is full."""
    return bool(request.META.get(_MARK))
