"""Jobs: stages, leases, crashes, cancelling, fairness."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import OperationalError
from django.test import override_settings
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.core.invariants import verify
from apps.ingestion import embedding, jobs, services, staging, tasks
from apps.ingestion.errors import JobStopped
from apps.ingestion.inline import run_jobs
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.ingestion.parse_errors import Encrypted
from apps.ingestion.progress import Progress
from apps.ingestion.reading import read
from apps.libraries.models import Chunk, ChunkEmbedding, Document
from apps.libraries.services import delete_document, restore_document
from apps.runtimes.spec import RuntimeSpec
from apps.users.models import User
from tests import factories
from tests.ingestion.conftest import Upload, long_text

Stage, State = IngestionJob.Stage, IngestionJob.State


def broken() -> list[str]:
    return [found.what for found in verify() if found.check.startswith(("libraries.", "ingestion."))]


def work_off() -> None:
    """Do what the workers would, in this process."""
    for _ in range(10):
        tasks.read_document()
        tasks.embed_pending()
        tasks.index_document()
        if not IngestionJob.objects.filter(state__in=IngestionJob.LIVE).exists():
            return


def die(job_id: object) -> None:
    """Let the lease of a killed worker end."""
    IngestionJob.objects.filter(pk=job_id).update(lease_until=timezone.now() - timedelta(seconds=1))


def chunks_once(document: Document) -> bool:
    """Return whether the document is ready and has each chunk once, with one vector each."""
    document.refresh_from_db()
    ordinals = list(document.chunks.order_by("ordinal").values_list("ordinal", flat=True))
    vectors = ChunkEmbedding.objects.filter(chunk__document=document).count()
    return document.status == "ready" and ordinals == list(range(len(ordinals))) and len(ordinals) == vectors > 0


def test_it_makes_an_upload_ready(upload: Upload, small_chunks: None) -> None:
    document = upload(long_text(10))

    work_off()

    assert chunks_once(document)
    job = document.jobs.get()
    assert (job.state, job.lease_owner, job.attempts) == ("done", "", 0)
    assert set(job.seconds) == {"read", "embed", "index"}
    assert document.current_version.pages == 10
    assert not StagedChunk.objects.exists()
    assert broken() == []


def test_it_runs_without_workers(upload: Upload, small_chunks: None) -> None:
    documents = [upload(long_text(4, mark=f"{n} "), name=f"{n}.txt") for n in range(3)]

    settled = run_jobs([document.jobs.get().pk for document in documents])

    assert [job.state for job in settled] == ["done"] * 3
    assert all(chunks_once(document) for document in documents)


@pytest.mark.parametrize("stage", ["read", "embed", "index"])
def test_it_takes_a_dead_workers_job_over(upload: Upload, small_chunks: None, stage: str) -> None:
    document = upload(long_text(12))
    job_id = document.jobs.get().pk
    if stage != "read":
        tasks.read_document()
    if stage == "index":
        tasks.embed_pending()
    assert jobs.claim(job_id, stage) is not None  # the worker that dies now
    if stage == "embed":
        half = staging.waiting({job_id: 4})
        staging.write_vectors(half, embedding.registry.embedder(_spec()).embed_passages([row.text for row in half]))
    work_off()
    assert IngestionJob.objects.get().state == "running"  # nobody takes it while the lease lasts

    die(job_id)
    tasks.poll()
    work_off()

    assert chunks_once(document)
    assert IngestionJob.objects.get().attempts == 1
    assert broken() == []


def _spec() -> RuntimeSpec:
    return spec_of(default_model(AIModel.Kind.EMBEDDING))


def test_it_fails_a_job_that_kills_every_worker(upload: Upload) -> None:
    document = upload()
    job = document.jobs.get()

    for _ in range(settings.ENV.ingest_attempts):
        assert jobs.claim(job.pk, Stage.READ) is not None
        die(job.pk)
        jobs.take_back_expired()

    document.refresh_from_db()
    assert (document.status, document.error_code, document.error_params) == ("failed", "worker-lost", {"attempts": 3})
    assert broken() == []


def test_it_lets_a_late_worker_write_nothing(upload: Upload, small_chunks: None) -> None:
    document = upload(long_text(5))
    late = jobs.claim(document.jobs.get().pk, Stage.READ)
    assert late is not None
    die(late.job_id)
    jobs.take_back_expired()
    work_off()
    chunks = set(document.chunks.values_list("pk", flat=True))

    with pytest.raises(JobStopped):
        read(late)
    jobs.fail(late, Encrypted())
    jobs.write_progress(late, 1, 2)

    assert set(document.chunks.values_list("pk", flat=True)) == chunks
    assert chunks_once(document)


def test_it_leases_a_job_to_one_worker_only(upload: Upload) -> None:
    job_id = upload().jobs.get().pk

    assert jobs.claim(job_id, Stage.READ) is not None
    assert jobs.claim(job_id, Stage.READ) is None
    assert jobs.claim_next(Stage.READ) is None


def test_it_serves_teams_in_turn(upload: Upload, alice: User) -> None:
    for number in range(3):
        upload(f"text {number}", name=f"{number}.txt")
    other = factories.LibraryFactory(team=factories.TeamFactory())
    late = services.receive_upload(user=alice, library=other, file=_bytes(b"late"), name="late.txt")

    first, second = jobs.claim_next(Stage.READ), jobs.claim_next(Stage.READ)

    assert first is not None
    assert second is not None
    assert second.document_id == late.pk


def _bytes(data: bytes) -> ContentFile:
    return ContentFile(data)


def test_it_embeds_the_same_share_of_each_team(
    upload: Upload, alice: User, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    big = upload(long_text(60))
    other = factories.LibraryFactory(team=factories.TeamFactory())
    small = services.receive_upload(user=alice, library=other, file=_bytes(long_text(4).encode()), name="s.txt")
    tasks.read_document()
    windows: list[set[object]] = []
    original = staging.write_vectors

    def watch(rows: Any, vectors: Any) -> None:
        windows.append({row.job_id for row in rows})
        original(rows, vectors)

    monkeypatch.setattr(staging, "write_vectors", watch)
    tasks.embed_pending()

    assert any(small.jobs.get().pk in jobs_of for jobs_of in windows[:4])
    assert big.jobs.get().stage == small.jobs.get().stage == "index"


def test_it_gives_jobs_back_when_the_worker_stops(upload: Upload, small_chunks: None) -> None:
    document = upload(long_text(30))
    tasks.read_document()
    batches: list[bool] = []

    def is_stopping() -> bool:
        batches.append(True)
        return len(batches) > 3

    assert embedding.Runner(lambda _job_id: None, is_stopping=is_stopping).run(60)

    job = document.jobs.get()
    assert (job.state, job.stage, job.attempts, job.lease_owner) == ("queued", "embed", 0, "")
    assert 0 < StagedChunk.objects.exclude(vector=None).count() == job.done < job.total
    work_off()
    assert chunks_once(document)


def test_it_runs_a_job_on_its_last_try_alone(
    upload: Upload, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [upload(long_text(3, mark=f"{n} "), name=f"{n}.txt") for n in range(3)]
    tasks.read_document()
    suspect = documents[1].jobs.get()
    IngestionJob.objects.filter(pk=suspect.pk).update(attempts=settings.ENV.ingest_attempts - 1)
    held: list[set[object]] = []
    original = staging.write_vectors

    def watch(rows: Any, vectors: Any) -> None:
        held.append(set(IngestionJob.objects.filter(state="running").values_list("pk", flat=True)))
        original(rows, vectors)

    monkeypatch.setattr(staging, "write_vectors", watch)
    tasks.embed_pending()

    assert {suspect.pk} in held
    assert all(jobs_held == {suspect.pk} for jobs_held in held if suspect.pk in jobs_held)
    assert not StagedChunk.objects.filter(vector=None).exists()


def test_it_stops_when_asked(upload: Upload, alice: User, small_chunks: None) -> None:
    document = upload(long_text(8))

    services.cancel(user=alice, document=document)
    work_off()

    document.refresh_from_db()
    assert document.status == "cancelled"
    assert not Chunk.objects.exists()
    services.retry(user=alice, document=document)
    work_off()
    assert chunks_once(document)


def test_it_stops_a_running_job_between_steps(upload: Upload, alice: User, small_chunks: None) -> None:
    document = upload(long_text(8))
    held = jobs.claim(document.jobs.get().pk, Stage.READ)
    assert held is not None
    services.cancel(user=alice, document=document)
    assert not jobs.is_wanted(held)

    tasks.attempt(held, read)

    document.refresh_from_db()
    assert document.status == "cancelled"
    assert not StagedChunk.objects.exists()


@pytest.mark.parametrize("stage", ["read", "embed", "index"])
def test_it_leaves_nothing_of_a_document_deleted_meanwhile(
    upload: Upload, alice: User, small_chunks: None, stage: str
) -> None:
    document = upload(long_text(8))
    if stage != "read":
        tasks.read_document()
    if stage == "index":
        tasks.embed_pending()

    delete_document(user=alice, document=document)
    work_off()

    assert not Chunk.objects.exists()
    assert not StagedChunk.objects.filter(job__state__in=["done", "failed", "cancelled"]).exists()


def test_it_reads_a_restored_document_whose_reading_was_stopped(
    upload: Upload, alice: User, small_chunks: None
) -> None:
    document = upload(long_text(8))
    delete_document(user=alice, document=document)
    work_off()
    held = jobs.claim(document.jobs.get().pk, Stage.READ)
    if held is not None:
        jobs.drop(held)

    document.refresh_from_db()
    restore_document(user=alice, document=document)
    tasks.poll()
    work_off()

    assert chunks_once(document)


def test_it_says_why_in_the_readers_language(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    document = upload()

    def locked(*args: object, **kwargs: object) -> None:
        raise Encrypted

    monkeypatch.setattr("apps.ingestion.pipeline.read", locked)
    tasks.read_document()

    document.refresh_from_db()
    job = document.jobs.get()
    assert (document.status, document.error_code) == ("failed", "encrypted")
    assert "Encrypted" in job.error_log
    assert broken() == []


def test_it_keeps_the_lease_when_the_database_fails(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    document = upload()

    def gone(*args: object, **kwargs: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("apps.ingestion.pipeline.read", gone)
    with pytest.raises(OperationalError):
        tasks.read_document()

    assert document.jobs.get().state == "running"


def test_it_tries_again_later_without_an_embedding_model(upload: Upload, embedding_model: AIModel) -> None:
    document = upload()
    type(embedding_model).objects.update(state="missing")

    tasks.read_document()

    job = document.jobs.get()
    assert (job.state, job.attempts) == ("queued", 1)
    assert job.due_at is not None
    assert jobs.claim_next(Stage.READ) is None


def test_it_forgets_vectors_of_another_model(upload: Upload, small_chunks: None, embedding_model: AIModel) -> None:
    document = upload(long_text(6))
    tasks.read_document()
    job = document.jobs.get()
    rows = staging.waiting({job.pk: 3})
    staging.write_vectors(rows, embedding.registry.embedder(_spec()).embed_passages([row.text for row in rows]))

    work_off()

    assert chunks_once(document)
    assert document.jobs.get().model_id == embedding_model.pk


def test_it_survives_a_broken_broker(upload: Upload, monkeypatch: pytest.MonkeyPatch, small_chunks: None) -> None:
    monkeypatch.undo()

    def down(*args: object, **kwargs: object) -> None:
        raise BrokerError("connection refused")

    monkeypatch.setattr(tasks.read_document, "apply_async", down)

    tasks.ring(tasks.read_document, "x")  # logs, raises nothing


def test_it_rings_again_for_jobs_that_wait(upload: Upload, rung: list[str]) -> None:
    upload()
    IngestionJob.objects.update(updated_at=timezone.now() - timedelta(minutes=1))
    rung.clear()

    tasks.poll()

    assert rung == ["read_document"]


def test_it_shows_progress_twice_a_second_at_most(upload: Upload, django_assert_max_num_queries: Any) -> None:
    document = upload()
    held = jobs.claim(document.jobs.get().pk, Stage.READ)
    assert held is not None
    progress = Progress(held)

    with django_assert_max_num_queries(4):
        for page in range(500):
            progress.show(page, 500)

    document.refresh_from_db()
    assert document.progress_total == 500


def test_it_embeds_with_few_statements(upload: Upload, small_chunks: None, django_assert_max_num_queries: Any) -> None:
    upload(long_text(120))
    tasks.read_document()
    assert StagedChunk.objects.count() >= 120

    with django_assert_max_num_queries(200), override_settings(ENV=settings.ENV.model_copy(update={"embed_batch": 8})):
        tasks.embed_pending()

    assert not StagedChunk.objects.filter(vector=None).exists()
