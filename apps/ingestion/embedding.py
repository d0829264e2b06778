"""The embed stage: one loop gives vectors to the staged chunks of many jobs, fairly between teams.

The runner leases every job it works on and writes each batch's vectors at once, so that a killed worker loses at most
one batch. Windows take the same share from every team; inside one, texts are sorted by length, because a batch is as
slow as its longest text.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.core.crash import reach
from apps.core.errors import AppError
from apps.ingestion import jobs, queueing, staging
from apps.ingestion.errors import EmbeddingFailed
from apps.ingestion.jobs import Held, Stage
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.ingestion.progress import LOOK_EVERY_S, Progress
from apps.ingestion.staging import Waiting
from apps.libraries.types import passage_text
from apps.runtimes import registry
from apps.runtimes.contracts import Embedder, RuntimeFailure

logger = logging.getLogger(__name__)
WINDOW_BATCHES = 4  # batches read, sorted and embedded between two looks at the queue
NO_TITLE = ""  # the title before every chunk lowers nDCG on long articles (docs/adr); it works in the lexical index
TEAM_JOBS = 128  # of one team, leased at a time
MAX_JOBS = 1_024  # of all teams


@dataclass
class Task:
    """A leased job and how far its chunks are."""

    held: Held
    total: int
    done: int
    progress: Progress = field(init=False)
    seconds: float = 0.0  # of the model, for this job's share of each batch
    embedded: int = 0  # by this runner

    def __post_init__(self) -> None:
        """Make the writer of its progress."""
        self.progress = Progress(self.held)


class Runner:
    """Embeds what waits until nothing does or the time is up."""

    def __init__(
        self,
        on_complete: Callable[[UUID], None],
        *,
        only: frozenset[UUID] | None = None,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """`on_complete` hears of each job that waits for its index now; `only` limits the jobs (commands, tests).

        When `is_stopping` says so, the jobs are given back after the batch under way, with the vectors they have.
        """
        self._on_complete = on_complete
        self._only = only
        self._is_stopping = is_stopping
        self._owner = jobs.new_owner()
        self._tasks: dict[UUID, Task] = {}
        self._looked_at = time.monotonic()

    def run(self, budget_s: float) -> bool:
        """Work for about `budget_s` seconds; returns whether something is left to do."""
        until = time.monotonic() + budget_s
        with jobs.kept(self._owner):
            while time.monotonic() < until and not self._is_stopping():
                if not self._turn():
                    return False
            self._release()
        return True

    def _turn(self) -> bool:
        """Claim, embed one window, pass on what is complete; returns False when nothing was there to do."""
        if not self._claim():
            return False
        try:
            model = default_model(AIModel.Kind.EMBEDDING)
            self._embed_window(registry.embedder(spec_of(model)))
        except RuntimeFailure as failure:
            logger.exception("embedding failed")
            self._give_back(EmbeddingFailed(), repr(failure))
        except AppError as error:
            self._give_back(error, repr(error))
        return True

    def _claim(self) -> bool:
        """Lease more jobs while there is room. One on its last try runs alone, so that it takes no other with it."""
        if not any(_is_suspect(task.held.attempts) for task in self._tasks.values()):
            claimed = [jobs.claim(job_id, Stage.EMBED, self._owner) for job_id in self._candidates()]
            self._tasks |= {task.held.job_id: task for task in _begin([held for held in claimed if held is not None])}
        return bool(self._tasks)

    def _candidates(self) -> list[UUID]:
        room = MAX_JOBS - len(self._tasks)
        rows = queueing.next_jobs(Stage.EMBED, room, per_team=TEAM_JOBS, only=self._only)
        healthy = [row.job_id for row in takewhile(lambda row: not _is_suspect(row.attempts), rows)]
        return healthy or ([] if self._tasks else [row.job_id for row in rows[:1]])

    def _embed_window(self, embedder: Embedder) -> None:
        self._drop_unwanted()
        self._pass_on_complete()  # jobs whose vectors were all known
        window = self._window()
        window.sort(key=lambda row: row.tokens, reverse=True)
        for batch in _batches(window, settings.ENV.embed_batch):
            began = time.monotonic()
            texts = [passage_text(NO_TITLE, row.heading_path, row.text) for row in batch]
            vectors = embedder.embed_passages(texts)
            reach("before-vectors")
            staging.write_vectors(batch, vectors)
            reach("after-vectors")
            self._count(batch, time.monotonic() - began)
            self._pass_on_complete()
            if self._is_stopping() or self._somebody_came():
                return

    def _window(self) -> list[Waiting]:
        """Return the next chunks, the same number from each team."""
        teams: dict[UUID, list[Task]] = {}
        for task in self._tasks.values():
            teams.setdefault(task.held.team_id, []).append(task)
        share = -(-settings.ENV.embed_batch * WINDOW_BATCHES // max(1, len(teams)))
        window: list[Waiting] = []
        for tasks in teams.values():
            window += staging.waiting(shares(tasks, share))
        return window

    def _somebody_came(self) -> bool:
        """Return whether a team waits that has nothing in this window: then the rest of it is put off."""
        teams = {task.held.team_id for task in self._tasks.values()}
        return any(row.team_id not in teams for row in queueing.next_jobs(Stage.EMBED, 1, only=self._only))

    def _count(self, batch: Sequence[Waiting], seconds: float) -> None:
        """Count a batch as done; its seconds are shared by length, as the model spends them."""
        tokens = sum(row.tokens for row in batch) or 1
        for row in batch:
            task = self._tasks[row.job_id]
            task.done += 1
            task.embedded += 1
            task.seconds += seconds * row.tokens / tokens
        for job_id in {row.job_id for row in batch}:
            task = self._tasks[job_id]
            if task.done < task.total:
                task.progress.show(task.done, task.total)

    def _drop_unwanted(self) -> None:
        """Drop the jobs that were cancelled, whose document was deleted or that were taken away; look once a second."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        for job_id in jobs.unwanted([task.held for task in self._tasks.values()]):
            jobs.drop(self._tasks.pop(job_id).held)

    def _pass_on_complete(self) -> None:
        for job_id, task in list(self._tasks.items()):
            if task.done < task.total:
                continue
            del self._tasks[job_id]
            if jobs.pass_on(task.held, Stage.INDEX, total=task.total, seconds=task.seconds, units=task.embedded):
                reach("before-index-bell")
                self._on_complete(job_id)

    def _give_back(self, error: AppError, log: str) -> None:
        for task in self._tasks.values():
            jobs.give_back(task.held, error, log)
        self._tasks.clear()

    def _release(self) -> None:
        """Queue again what is not complete; vectors stay with their rows."""
        for task in self._tasks.values():
            jobs.pass_on(task.held, Stage.EMBED, done=task.done, total=task.total, seconds=task.seconds)
        self._tasks.clear()


def _is_suspect(attempts: int) -> bool:
    """Return whether one more dead worker would fail the job: perhaps it is what kills them."""
    return 0 < settings.ENV.ingest_attempts - 1 <= attempts


def shares(tasks: Sequence[Task], room: int) -> dict[UUID, int]:
    """Return how many chunks of each job come next: half of the room to the shortest jobs, half to the oldest.

    So a page of notes does not wait for a book, and a book does not wait for ever.
    """
    counts: dict[UUID, int] = {}
    by_length = sorted(tasks, key=lambda task: task.total - task.done)
    for order, budget in ((by_length, room // 2), (tasks, room)):
        left = min(budget, room - sum(counts.values()))
        for task in order:
            held = counts.get(task.held.job_id, 0)
            extra = min(left, task.total - task.done - held)
            if extra > 0:
                counts[task.held.job_id] = held + extra
                left -= extra
    return counts


def _begin(claimed: Sequence[Held]) -> list[Task]:
    """Return the state of jobs that were just leased, forgetting vectors that another model made."""
    if not claimed:
        return []
    ids = [held.job_id for held in claimed]
    model = default_model(AIModel.Kind.EMBEDDING)
    with transaction.atomic():
        others = IngestionJob.objects.filter(pk__in=ids).exclude(model=model).select_for_update().order_by("pk")
        for job in others:
            StagedChunk.objects.filter(job=job).exclude(vector=None).update(vector=None)
            IngestionJob.objects.filter(pk=job.pk).update(model=model)
    staged = StagedChunk.objects.filter(job__in=ids).order_by().values_list("job")
    counts = {job_id: (total, done) for job_id, total, done in staged.annotate(Count("pk"), Count("vector"))}
    return [Task(held, *counts.get(held.job_id, (0, 0))) for held in claimed]


def _batches(rows: Sequence[Waiting], size: int) -> Iterator[Sequence[Waiting]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
