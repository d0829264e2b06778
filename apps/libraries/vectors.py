"""The vector index of each embedding model: partial, on half precision, built without stopping anybody's writes."""

from django.db import connection

from apps.catalog.models import AIModel

HNSW_MAX_DIMENSIONS = 4_000  # of a halfvec index in pgvector 0.8
_LOCK_SPACE = 0x7A68  # "zh"; one builder per index
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
    name, halfvec = index_name(model), halfvec_of(model)
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
            cursor.execute(
                f'CREATE INDEX CONCURRENTLY "{name}" ON libraries_chunkembedding '
                f"USING hnsw ((vector::{halfvec}) halfvec_cosine_ops) WHERE model_id = '{model.pk}'::uuid"
            )
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_LOCK_SPACE, name])
    return True


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
