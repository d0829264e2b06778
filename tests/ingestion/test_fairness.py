"""A team with a thousand files does not delay another's one file: by the order of work, without a clock.

security-cases section 2, row 38: team B is ready within three times the work that its file alone is.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.ingestion import embedding, jobs, pace, queueing, tasks
from apps.ingestion.jobs import Held, Stage
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.libraries.models import Document, DocumentVersion, Library
from apps.users.models import Team
from tests import factories
from tests.settings_override import env

BATCH = 8
State = IngestionJob.State


def queued(team: Team, count: int, stage: str = "read", size: int = 10_000, chunks: int = 0) -> list[IngestionJob]:
    """Put so many documents of a team into the queue of a stage, each with so many chunks that wait for vectors."""
    library = Library.objects.filter(team=team).first() or factories.LibraryFactory(team=team)
    documents = Document.objects.bulk_create(
        Document(library=library, name=f"{n}.txt", sha256=uuid.uuid4().hex, status="queued") for n in range(count)
    )
    versions = DocumentVersion.objects.bulk_create(
        DocumentVersion(document=document, sha256=document.sha256, size_bytes=size) for document in documents
    )
    found = IngestionJob.objects.bulk_create(
        IngestionJob(team=team, document=document, version=version, stage=stage, total=chunks)
        for document, version in zip(documents, versions, strict=True)
    )
    StagedChunk.objects.bulk_create(
        StagedChunk(job=job, ordinal=n, payload={"text": f"{job.pk} {n}", "heading_path": []}, tokens=20)
        for job in found
        for n in range(chunks)
    )
    return found


def claimed(stage: str) -> Held:
    held = jobs.claim_next(stage)
    assert held is not None
    return held


@pytest.mark.parametrize("stage", ["read", "index"])
def test_it_takes_the_other_teams_file_next(t1: Team, t2: Team, stage: str) -> None:
    """Row 38, reading and indexing: with two at a time, one file of B waits for one of A's thousand at most."""
    queued(t1, 1_000, stage)
    under_way = [claimed(stage), claimed(stage)]
    late = queued(t2, 1, stage)[0]

    jobs.release(under_way[0])  # a slot comes free

    assert claimed(stage).job_id == late.pk


@pytest.mark.parametrize("stage", ["read", "index"])
def test_it_serves_in_turn_also_who_was_served_last_long_ago(t1: Team, t2: Team, stage: str) -> None:
    """A team whose files were all read before B came has no claim to be indexed before B."""
    for job in queued(t1, 20, stage)[:5]:
        IngestionJob.objects.filter(pk=job.pk).update(started_at=timezone.now())
    queued(t2, 20, stage)

    teams = [claimed(stage).team_id for _ in range(10)]

    assert teams.count(t1.pk) == teams.count(t2.pk) == 5


def test_it_keeps_a_slot_free_of_long_files(t1: Team, t2: Team) -> None:
    """Two parsers at long files of A would hold both slots for minutes: the second one takes short files alone."""
    pace.record(t1.pk, "read", units=1_000_000, cost=60, suffix="txt")
    long_ones = queued(t1, 5, size=5_000_000)
    assert claimed("read").job_id == long_ones[0].pk
    assert jobs.claim_next("read") is None

    short = queued(t2, 1)[0]

    assert claimed("read").job_id == short.pk


def test_it_takes_a_short_file_before_long_ones_of_the_same_team(t1: Team) -> None:
    pace.record(t1.pk, "read", units=1_000_000, cost=60, suffix="txt")
    queued(t1, 5, size=5_000_000)
    claimed("read")
    short = queued(t1, 1, size=1_000)[0]

    assert claimed("read").job_id == short.pk


@contextmanager
def counted_batches(monkeypatch: pytest.MonkeyPatch, on_batch: Any) -> Iterator[list[list[object]]]:
    """Note of each batch whose chunks it holds; `on_batch(number)` is called after each."""
    batches: list[list[object]] = []
    original = embedding.staging.write_vectors

    def write(rows: Any, vectors: Any) -> None:
        original(rows, vectors)
        batches.append([row.job_id for row in rows])
        on_batch(len(batches))

    monkeypatch.setattr(embedding.staging, "write_vectors", write)
    yield batches


@pytest.mark.parametrize("chunks", [1, 8, 40, 100])
def test_it_embeds_the_other_teams_file_within_thrice_its_work(
    t1: Team, t2: Team, chunks: int, embedding_model: AIModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 38, embedding: from B's arrival in mid-window, counted in batches of the model."""
    monkeypatch.setattr(embedding, "TEAM_JOBS", 24)
    queued(t1, 100, "embed", chunks=1)
    queued(t1, 4, "embed", chunks=200)
    late: list[IngestionJob] = []
    done_at: list[int] = []

    def arrive(number: int) -> None:
        if number == 3:
            late.extend(queued(t2, 1, "embed", chunks=chunks))

    def complete(job_id: object) -> None:
        if late and job_id == late[0].pk:
            done_at.append(len(batches))

    with env(embed_batch=BATCH), counted_batches(monkeypatch, arrive) as batches:
        embedding.Runner(complete, is_stopping=lambda: bool(done_at)).run(600)

    solo = -(-chunks // BATCH)
    assert done_at
    assert done_at[0] - 3 <= 3 * max(solo, 1)


def test_it_indexes_between_two_reads(t1: Team, t2: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 38: the bell of B's index lies in the broker behind a thousand bells of A's uploads."""
    queued(t1, 10)
    queued(t2, 3, "index")
    order: list[str] = []

    def step(name: str) -> Any:
        return lambda held: (order.append(name), jobs.drop(held))

    monkeypatch.setattr(tasks, "read", step("read"))
    monkeypatch.setattr(tasks, "index", step("index"))
    monkeypatch.setattr(tasks, "ring", lambda *_: None)
    tasks.read_document()

    assert order == ["index", "read"] * 3 + ["read"] * 7


def test_it_lets_a_paused_library_wait(t1: Team, library: Library) -> None:
    job = queued(t1, 1)[0]
    Library.objects.filter(pk=job.document.library_id).update(is_paused=True)

    assert jobs.claim_next("read") is None
    assert not jobs.due("read").exists()
    Library.objects.update(is_paused=False)
    assert claimed("read").job_id == job.pk


def test_it_finds_the_next_of_many_in_one_statement(t1: Team, django_assert_num_queries: Any) -> None:
    queued(t1, 300)

    with django_assert_num_queries(1):
        found = queueing.next_jobs(Stage.READ, 5)

    assert [row.name for row in found] == ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]
