"""The vector index of each embedding model: partial, on half precision, built without stopping anybody's writes."""

from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from psycopg.errors import DiskFull

from apps.catalog.models import AIModel

EF_CONSTRUCTION = 128  # recall@10 of 0.99 where pgvector's 64 gives 0.96 (100,000 vectors of e5); 1.5 times the build
HNSW_MAX_DIMENSIONS = 4_000  # of a halfvec index in pgvector 0.8
_LOCK_SPACE = 0x7A68  # "zh"; one builder per index
BYTES_PER_DIMENSION = 2  # of a half-precision vector in the graph that is built …
BYTES_PER_ROW = 700  # … and of its links and the rest: pgvector 0.8, m = 16
_ROWS = """
SELECT greatest(c.reltuples, 0)::bigint, (s.setting::bigint / 1024)
FROM pg_class c, pg_settings s WHERE c.oid = 'libraries_chunkembedding'::regclass AND s.name = 'maintenance_work_mem'
"""
_STATE = """
SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relname = %s AND i.indrelid = 'libraries_chunkembedding'::regclass
"""


def index_name(model: AIModel) -> str:
    """Return the name of the model's HNSW index."""
    return f"vector_hnsw_{model.pk.hex}"


def halfvec_of(model: AIModel) -> str:
    """Return the SQL type of the model's vectors in its index. Raises ValueError for a model that cannot be indexed."""
    dimensions = model.dimensions or 0
    if not 0 < dimensions <= HNSW_MAX_DIMENSIONS:
        raise ValueError(f"{model.name}: HNSW indexes hold 1 to {HNSW_MAX_DIMENSIONS} dimensions, not {dimensions}.")
    return f"halfvec({dimensions})"


def ensure_vector_index(model: AIModel) -> bool:
    """Build the model's index if it is missing; return whether this call built it. Outside a transaction only.

    Idempotent; an invalid index, left by a build that was killed, is dropped and built again. While another process
    builds it, this one returns at once: waiting for the lock would hold a snapshot, which the build waits for in turn.
    """
    name = index_name(model)
    halfvec_of(model)  # raises for a model that cannot be indexed
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_LOCK_SPACE, name])
        if not cursor.fetchone()[0]:
            return False
        try:
            cursor.execute(_STATE, [name])
            state = cursor.fetchone()
            if state is not None and state[0]:
                return False
            if state is not None:
                cursor.execute(f'DROP INDEX CONCURRENTLY "{name}"')
            _build(cursor, model)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_LOCK_SPACE, name])
    return True


def _build(cursor: Any, model: AIModel) -> None:
    """Build the index with memory for its whole graph: what no longer fits is built many times as slowly."""
    cursor.execute(_ROWS)
    rows, held_mib = cursor.fetchone()
    wanted_mib = rows * ((model.dimensions or 0) * BYTES_PER_DIMENSION + BYTES_PER_ROW) // 2**20
    cursor.execute(f"SET maintenance_work_mem = '{max(held_mib, min(wanted_mib, settings.ENV.index_memory_mb))}MB'")
    statement = (
        f'CREATE INDEX CONCURRENTLY "{index_name(model)}" ON libraries_chunkembedding '
        f"USING hnsw ((vector::{halfvec_of(model)}) halfvec_cosine_ops) "
        f"WITH (ef_construction = {EF_CONSTRUCTION}) WHERE model_id = '{model.pk}'::uuid"
    )
    try:
        cursor.execute(statement)
    except OperationalError as error:
        if not isinstance(error.__cause__, DiskFull):
            raise
        # Helpers of a build share their memory in /dev/shm, of which a container has 64 MB: build without helpers.
        cursor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{index_name(model)}"')
        cursor.execute("SET max_parallel_maintenance_workers = 0")
        cursor.execute(statement)
    finally:
        cursor.execute("RESET maintenance_work_mem")
        cursor.execute("RESET max_parallel_maintenance_workers")


def has_vector_index(model: AIModel) -> bool:
    """Return whether the model's index is there and valid; while it is being built it is not."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [index_name(model)])
        state = cursor.fetchone()
    return state is not None and bool(state[0])


def drop_vector_index(model: AIModel) -> None:
    """Remove the model's index, for a model that is no longer used. Outside a transaction only."""
    with connection.cursor() as cursor:
        cursor.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{index_name(model)}"')
