"""Bytes on their way into the storage, before any row owns them."""

import errno
import hashlib
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol, cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from apps.ingestion.errors import EmptyUpload, StorageFull, UploadTooLarge
from apps.libraries.models import DocumentVersion, version_path

MIB = 1024 * 1024
CHUNK_BYTES = 256 * 1024


class Source(Protocol):
    """Bytes that arrive piece by piece: an uploaded file, or an open one."""

    def chunks(self, chunk_size: int = ...) -> Iterable[bytes]:
        """Yield the bytes in pieces of about this size."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that lie in the storage, not yet owned by a row."""

    version_id: uuid.UUID
    key: str
    sha256: str
    size_bytes: int


def store(file: Source, undo: ExitStack) -> Stored:
    """Stream the bytes into the storage under a random key, counting and hashing on the way; `undo` deletes them."""
    version = DocumentVersion(id=uuid.uuid4())
    key = version_path(version, "")
    meter = _Meter(file)
    undo.callback(default_storage.delete, key)
    try:
        key = default_storage.save(key, cast("File[bytes]", meter))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        raise
    if meter.count == 0:
        raise EmptyUpload
    return Stored(version.id, key, meter.sha256.hexdigest(), meter.count)


class _Meter:
    """Passes bytes on to the storage while it counts and hashes them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.sha256 = hashlib.sha256()
        self.count = 0

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield the source's bytes. Raises UploadTooLarge as soon as the limit is crossed."""
        limit_mib = settings.ENV.upload_max_mib
        for piece in self._source.chunks(chunk_size or CHUNK_BYTES):
            self.count += len(piece)
            if self.count > limit_mib * MIB:
                raise UploadTooLarge(limit_mib=limit_mib)
            self.sha256.update(piece)
            yield piece
