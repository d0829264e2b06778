"""Writes chunks and their vectors by COPY: half the time of INSERT for the server, a tenth for Python."""

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from django.db.models import JSONField
from django.utils import timezone
from pgvector import SparseVector

from apps.libraries.models import Chunk

_FIELDS: tuple[Any, ...] = Chunk._meta.concrete_fields
_CHUNKS = f"COPY libraries_chunk ({', '.join(field.column for field in _FIELDS)}) FROM STDIN"
_VECTORS = "COPY libraries_chunkembedding (chunk_id, model_id, library_id, vector) FROM STDIN (FORMAT binary)"
_HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)  # PostgreSQL's manual, COPY, "Binary Format"
_TAIL = struct.pack(">h", -1)


def copy_chunks(chunks: Sequence[Chunk]) -> None:
    """Write new rows, as `bulk_create` would."""
    if not chunks:
        return
    now = timezone.now()
    for chunk in chunks:
        chunk.created_at = chunk.updated_at = now
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_CHUNKS) as copy:
        for chunk in chunks:
            copy.write_row([_plain(field, getattr(chunk, field.attname)) for field in _FIELDS])


def copy_vectors(rows: Iterable[tuple[UUID, Any]], *, model_id: UUID, library_id: UUID) -> None:
    """Write (chunk, vector) pairs; a vector is any sequence of floats."""
    pairs = list(rows)
    if not pairs:
        return
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_VECTORS) as copy:
        copy.write(_HEAD)
        for part in _vector_rows(pairs, model_id.bytes, library_id.bytes):
            copy.write(part)
        copy.write(_TAIL)


def _vector_rows(rows: Iterable[tuple[UUID, Any]], model: bytes, library: bytes) -> Iterator[bytes]:
    for chunk, vector in rows:
        values = np.asarray(vector, dtype=">f4")
        encoded = struct.pack(">hh", len(values), 0) + values.tobytes()
        fields = (chunk.bytes, model, library, encoded)
        yield struct.pack(">h", len(fields)) + b"".join(struct.pack(">i", len(one)) + one for one in fields)


def _plain(field: Any, value: Any) -> Any:
    """Return a value as COPY's text format takes it."""
    if isinstance(field, JSONField):
        return json.dumps(value)
    return value.to_text() if isinstance(value, SparseVector) else value
