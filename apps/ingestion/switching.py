"""Changes the embedding model while people search: docs/adr/0029-change-of-the-embedding-model.md.

The new model's vectors are made beside the old ones, in batches that survive any crash; its index is built; then one
transaction makes it the default. Until then everything is searched by the old model, and from then on by the new one:
no search compares vectors of two models, and no passage is without a vector of the model that serves.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Least, Now

from apps.audit import services as audit
from apps.catalog.models import AIModel
from apps.catalog.services import spec_of
from apps.core.crash import reach
from apps.core.errors import AppError
from apps.ingestion.errors import ModelServes, NoSuchModel, SwitchRunning
from apps.ingestion.jobs import new_owner
from apps.ingestion.models import ModelSwitch
from apps.libraries.models import Chunk, ChunkEmbedding
from apps.libraries.types import embedded_text, text_digest
from apps.libraries.vectors import drop_vector_index, ensure_vector_index, has_vector_index
from apps.runtimes import registry
from apps.runtimes.contracts import Floats, RuntimeFailure
from apps.users.models import User

logger = logging.getLogger(__name__)
State = ModelSwitch.State
LEASE = timedelta(seconds=120)  # renewed with each batch
CLEAN_ROWS = 5_000  # vectors deleted per statement


@dataclass(frozen=True, slots=True)
class Waiting:
    """A passage that lacks a vector of the new model."""

    chunk_id: UUID
    library_id: UUID
    text: str
    digest: str


@transaction.atomic
def start(*, user: User | None, new: AIModel) -> ModelSwitch:
    """Begin the change to `new`. Raises NoSuchModel, ModelServes or SwitchRunning.

    The rest is done by the worker; the caller rings it on commit (`tasks.switch_model`).
    """
    if new.kind != AIModel.Kind.EMBEDDING or new.state != AIModel.State.READY:
        raise NoSuchModel(model=new.name)
    old = AIModel.objects.filter(kind=AIModel.Kind.EMBEDDING, is_default=True).first()
    if old is not None and old.pk == new.pk:
        raise ModelServes(model=new.title)
    switch = ModelSwitch(old=old, new=new, started_by=user, total=Chunk.objects.count())
    try:
        with transaction.atomic():
            switch.save(force_insert=True)
    except IntegrityError as error:
        raise SwitchRunning from error
    audit.record("embedding-model.switch-started", actor=switch.started_by, team=None, target=new)
    return switch


@transaction.atomic
def cancel(*, user: User | None, switch: ModelSwitch) -> bool:
    """Give the change up; the old model goes on serving. Returns whether it was still to be had."""
    running = ModelSwitch.objects.filter(pk=switch.pk, state=State.RUNNING)
    if not running.update(state=State.CANCELLED, finished_at=Now()):
        return False
    audit.record("embedding-model.switch-cancelled", actor=user, team=None, target=switch.new)
    return True


def running() -> ModelSwitch | None:
    """Return the change under way."""
    return ModelSwitch.objects.filter(state=State.RUNNING).select_related("old", "new").first()


def is_unattended() -> bool:
    """Return whether a change waits for a worker: nobody holds its lease."""
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    return ModelSwitch.objects.filter(free, state=State.RUNNING).exists()


def carry_on(is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Work at the change until it is done, given up or stopped; returns whether the new model serves now.

    A model that breaks leaves it running with `error_code`: the poller rings again.
    """
    owner = new_owner()
    switch = _claim(owner)
    if switch is None:
        return False
    try:
        return _work(switch, owner, is_stopping)
    except (RuntimeFailure, AppError) as error:
        logger.exception("the embedding model could not be changed")
        code = error.code if isinstance(error, AppError) else "model-failed"
        ModelSwitch.objects.filter(pk=switch.pk, lease_owner=owner).update(error_code=code)
        return False
    finally:
        ModelSwitch.objects.filter(pk=switch.pk, lease_owner=owner).update(lease_owner="", lease_until=None)


def _claim(owner: str) -> ModelSwitch | None:
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    ModelSwitch.objects.filter(free, state=State.RUNNING).update(lease_owner=owner, lease_until=Now() + LEASE)
    return ModelSwitch.objects.filter(lease_owner=owner, state=State.RUNNING).select_related("old", "new").first()


def _work(switch: ModelSwitch, owner: str, is_stopping: Callable[[], bool]) -> bool:
    while not is_stopping():
        if not _fill(switch, owner, is_stopping):
            return False
        ensure_vector_index(switch.new)
        if not has_vector_index(switch.new):
            return False  # another process builds it: the poller rings again
        reach("switch-before-commit")
        if _finish(switch, owner):
            logger.info("the embedding model was changed", extra={"model": switch.new.name})
            return True
    return False


def _fill(switch: ModelSwitch, owner: str, is_stopping: Callable[[], bool]) -> bool:
    """Give every passage a vector of the new model; returns False when the change is not this worker's any more."""
    embedder = registry.embedder(spec_of(switch.new))
    done = ChunkEmbedding.objects.filter(model=switch.new).count()
    ModelSwitch.objects.filter(pk=switch.pk).update(done=done, total=Chunk.objects.count())
    after: UUID | None = None
    while True:
        began = time.monotonic()
        batch = _next(switch.new, after)
        if not batch:
            return _count(switch, owner, 0, began)
        after = batch[-1].chunk_id
        _store(switch.new, batch, embedder.embed_passages([row.text for row in batch]))
        reach("switch-after-batch")
        if not _count(switch, owner, len(batch), began) or is_stopping():
            return False


def missing(model: AIModel) -> QuerySet[Chunk]:
    """Return the passages without a vector of `model`; a pending one gets its own when its edit is indexed."""
    vector = ChunkEmbedding.objects.filter(chunk=OuterRef("pk"), model=model)
    return Chunk.objects.filter(~Exists(vector), is_pending=False)


def _next(model: AIModel, after: UUID | None) -> list[Waiting]:
    rows = missing(model).order_by("pk").defer("terms", "weights", "boxes")
    if after is not None:
        rows = rows.filter(pk__gt=after)
    return [_waiting(row) for row in rows[: settings.ENV.embed_batch]]


def _waiting(row: Chunk) -> Waiting:
    text = embedded_text(row.heading_path, row.text, row.keywords, row.questions)
    return Waiting(row.pk, row.library_id, text, text_digest(text))


@transaction.atomic
def _store(model: AIModel, batch: Sequence[Waiting], vectors: Floats) -> None:
    """Write the vectors of the passages that are still as they were read; the others are found again."""
    locked = Chunk.objects.select_for_update(no_key=True).filter(pk__in=[row.chunk_id for row in batch])
    now = {row.pk: _waiting(row) for row in locked.order_by("pk").defer("terms", "weights", "boxes")}
    ChunkEmbedding.objects.bulk_create(
        (
            ChunkEmbedding(chunk_id=row.chunk_id, model=model, library_id=row.library_id, vector=vector)
            for row, vector in zip(batch, vectors, strict=True)
            if row.chunk_id in now and now[row.chunk_id].digest == row.digest
        ),
        ignore_conflicts=True,
    )


def _count(switch: ModelSwitch, owner: str, fresh: int, began: float) -> bool:
    """Renew the lease and tell how far it is; returns whether the change is still wanted and this worker's."""
    mine = ModelSwitch.objects.filter(pk=switch.pk, state=State.RUNNING, lease_owner=owner)
    spent = F("seconds") + (time.monotonic() - began)
    done = Least(F("done") + fresh, F("total"))
    changed = mine.update(lease_until=Now() + LEASE, done=done, seconds=spent, error_code="")
    return bool(changed)


@transaction.atomic
def _finish(switch: ModelSwitch, owner: str) -> bool:
    """Make the new model the default unless something was written since by the old one; returns whether it is.

    Whoever stores vectors holds a share of the default model's row until its commit (`catalog.serving`), so that after
    this lock nobody can add a passage of the old model behind the look.
    """
    list(AIModel.objects.select_for_update().filter(kind=AIModel.Kind.EMBEDDING).order_by("pk"))
    mine = ModelSwitch.objects.filter(pk=switch.pk, state=State.RUNNING, lease_owner=owner)
    if missing(switch.new).exists() or not mine.update(state=State.DONE, finished_at=Now()):
        return False
    AIModel.objects.filter(kind=AIModel.Kind.EMBEDDING, is_default=True).update(is_default=False)
    AIModel.objects.filter(pk=switch.new_id).update(is_default=True)
    audit.record("embedding-model.switched", actor=switch.started_by, team=None, target=switch.new)
    transaction.on_commit(partial(reach, "switch-after-commit"))
    return True


def clean() -> int:
    """Delete the vectors and indexes that changes left: of given-up ones at once, of the old model after some days.

    Returns how many vectors went. Outside a transaction only.
    """
    kept = timedelta(days=settings.ENV.old_vectors_days)
    over = ModelSwitch.objects.filter(is_cleaned=False).filter(
        Q(state=State.CANCELLED) | Q(state=State.DONE, finished_at__lt=Now() - kept)
    )
    removed = 0
    for switch in over.select_related("old", "new"):
        model = switch.new if switch.state == State.CANCELLED else switch.old
        if model is not None and not _is_wanted(model):
            removed += _drop(model)
        ModelSwitch.objects.filter(pk=switch.pk).update(is_cleaned=True)
    return removed


def _is_wanted(model: AIModel) -> bool:
    live = ModelSwitch.objects.filter(state=State.RUNNING).filter(Q(new=model) | Q(old=model))
    return AIModel.objects.filter(pk=model.pk, is_default=True).exists() or live.exists()


def _drop(model: AIModel) -> int:
    drop_vector_index(model)
    removed = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM libraries_chunkembedding WHERE id IN"
                " (SELECT id FROM libraries_chunkembedding WHERE model_id = %s LIMIT %s)",
                [model.pk, CLEAN_ROWS],
            )
            if not cursor.rowcount:
                return removed
            removed += cursor.rowcount
