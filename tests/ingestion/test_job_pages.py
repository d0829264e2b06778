"""What people see and do of jobs: the bell, a library's jobs, the log sheet, pausing, trying again."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.ingestion import controls, estimates, jobs, journal, overview, pace, rescue, tasks
from apps.ingestion.errors import EmbeddingFailed
from apps.ingestion.estimates import Work, estimate, shared
from apps.ingestion.models import IngestionJob
from apps.ingestion.parse_errors import Broken, NoRoom
from apps.ingestion.templatetags import ingestion as words
from apps.libraries.models import Document, Library
from apps.users.models import Team, User
from tests import factories
from tests.ingestion.conftest import Upload, long_text

State = IngestionJob.State


def jobs_page(client: Client, library: Library, **query: str) -> str:
    response = client.get(reverse("ingestion:jobs", args=[library.pk]), query)
    assert response.status_code == 200
    return response.content.decode()


def fail(document: Document) -> IngestionJob:
    held = jobs.claim(document.jobs.get(state="queued").pk, "read")
    assert held is not None
    jobs.fail(held, Broken(), "Traceback: line 1")
    return IngestionJob.objects.get(pk=held.job_id)


def test_it_shares_a_stage_equally_between_teams() -> None:
    """Until 10 of one's own are done, a team with 100 had 10 and a team with 3 had its 3."""
    assert shared(10, [100, 3]) == 23


def test_it_estimates_from_what_is_before() -> None:
    job = Work(reads=1, read_s=2, embed_s=10, index_s=1)
    ahead = Work(reads=3, read_s=6, embed_s=30)
    others = [Work(reads=1_000, read_s=2_000, embed_s=9_000), Work(reads=1, read_s=1)]

    found = estimate(job, ahead, others, slots=2)

    assert found.place == 4 + 4 + 1
    assert found.seconds == 40 + 40 + 1


def test_it_estimates_a_job_alone_by_its_own_work() -> None:
    assert estimate(Work(1, 2, 10, 1), Work(), [], slots=2).seconds == 2 + 10 + 1


def test_it_learns_its_pace(upload: Upload, t1: Team, small_chunks: None) -> None:
    upload(long_text(10))
    before = pace.load().cost("read", t1.pk, "txt", 1_000)
    tasks.read_document()
    tasks.embed_pending()
    tasks.index_document()

    paces = pace.load()

    assert {stage for team, stage, _ in paces.rates if team == t1.pk} == {"read", "size", "embed", "index"}
    assert paces.cost("read", t1.pk, "txt", 1_000) != before
    assert paces.cost("read", factories.TeamFactory().pk, "txt", 7) == paces.cost("read", t1.pk, "txt", 7)


def test_it_lets_older_figures_fade(t1: Team) -> None:
    for _ in range(60):
        pace.record(t1.pk, "embed", units=100, cost=1)
    for _ in range(30):
        pace.record(t1.pk, "embed", units=100, cost=2)

    assert 0.019 < pace.load().cost("embed", t1.pk, "", 1) <= 0.02


def test_it_tells_the_place_in_line(upload: Upload, library: Library, ann_client: Client) -> None:
    for number in range(3):
        upload(f"text {number}", name=f"{number}.txt")

    text = jobs_page(ann_client, library)

    assert re.findall(r"(\d\w\w) in line", text) == ["1st", "2nd", "3rd"]


def test_it_shows_pages_and_passages_done(upload: Upload, library: Library, ann_client: Client) -> None:
    held = jobs.claim(upload().jobs.get().pk, "read")
    assert held is not None
    jobs.write_progress(held, 12, 80)

    assert "Reading 12 of 80 pages" in jobs_page(ann_client, library)
    jobs.pass_on(held, "embed", done=3, total=90)
    assert "Waits for embedding" in jobs_page(ann_client, library)


def test_it_filters_by_state(upload: Upload, library: Library, ann_client: Client) -> None:
    fail(upload("one", name="bad.txt"))
    upload("two", name="good.txt")

    text = jobs_page(ann_client, library, state="failed")

    assert "bad.txt" in text
    assert "good.txt" not in text
    assert ann_client.get(reverse("ingestion:jobs", args=[library.pk]), {"state": "x"}).status_code == 404


def test_it_tries_all_failures_again(upload: Upload, library: Library, ed: User, ed_client: Client) -> None:
    for number in range(3):
        fail(upload(f"text {number}", name=f"{number}.txt"))

    response = ed_client.post(reverse("ingestion:retry-failed", args=[library.pk]))

    assert "3 documents are read again" in response["HX-Trigger"]
    assert IngestionJob.objects.filter(state="queued").count() == 3
    assert overview.counts(ed, library).by_filter == {"all": 3, "queued": 3}


def test_it_pauses_and_goes_on(upload: Upload, library: Library, ed_client: Client, rung: list[str]) -> None:
    document = upload()
    ed_client.post(reverse("ingestion:pause", args=[library.pk]))
    assert "Reading is paused in this library" in jobs_page(ed_client, library)
    assert jobs.claim_next("read") is None
    IngestionJob.objects.update(updated_at=timezone.now() - timedelta(minutes=1))
    assert rescue.bells("read") == 0
    tasks.poll()

    ed_client.post(reverse("ingestion:resume", args=[library.pk]))

    tasks.read_document()
    assert document.jobs.get().stage == "embed"


def test_it_rings_for_failures_until_somebody_took_note(
    upload: Upload, t1: Team, ed: User, ed_client: Client, ann_client: Client
) -> None:
    document = upload()
    assert overview.bell(ed, t1) == overview.Bell(queued=1)
    fail(document)
    assert overview.bell(ed, t1) == overview.Bell(failed=1)
    assert document.name in ann_client.get(reverse("ingestion:bell-list")).content.decode()

    assert ann_client.post(reverse("ingestion:clear")).status_code == 403
    assert ed_client.post(reverse("ingestion:clear")).status_code == 200

    assert overview.bell(ed, t1) == overview.Bell()
    document.refresh_from_db()
    assert document.status == "failed"


def test_it_forgets_a_failure_that_is_tried_again(upload: Upload, t1: Team, ed: User, library: Library) -> None:
    fail(upload())

    assert controls.retry_failed(user=ed, library=library) == 1

    assert overview.bell(ed, t1) == overview.Bell(queued=1)


def test_it_polls_only_while_something_is_under_way(upload: Upload, ann_client: Client) -> None:
    address = reverse("ingestion:bell")
    assert "every 5s" not in ann_client.get(address).content.decode()
    upload()
    assert "every 5s" in ann_client.get(address).content.decode()


def test_it_shows_no_other_teams_jobs(upload: Upload, bob_client: Client, xen_client: Client) -> None:
    upload(name="CANARY-T1.txt")

    for client in (bob_client, xen_client):
        assert b"CANARY" not in client.get(reverse("ingestion:bell-list")).content


def test_it_keeps_a_log_of_what_happened(upload: Upload, small_chunks: None, ann_client: Client) -> None:
    document = upload(long_text(6))
    tasks.read_document()
    tasks.embed_pending()
    tasks.index_document()

    text = ann_client.get(reverse("ingestion:log", args=[document.pk])).content.decode()

    codes = [entry["code"] for entry in document.jobs.get().events]
    assert codes[0] == "queued"
    assert codes[-2:] == ["finished-stage", "done"]
    assert [code for code in codes if code == "started"] == ["started"] * 3
    assert "Reading begins" in text
    assert "Traceback" not in text


def test_it_shows_the_operators_log_to_operators_alone(
    upload: Upload, ed_client: Client, alice_client: Client, alice: User
) -> None:
    document = upload()
    fail(document)
    address = reverse("ingestion:log", args=[document.pk])

    assert b"The file is damaged" in ed_client.get(address).content
    assert b"Traceback" not in ed_client.get(address).content
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    assert b"Traceback" in alice_client.get(address).content


def test_it_escapes_what_a_file_says_in_the_log(upload: Upload, ann_client: Client) -> None:
    document = upload(name="<img src=x onerror=alert(1)>.txt")
    jobs.note(document.jobs.get(), "<script>alert(1)</script>", what="<b>")

    text = ann_client.get(reverse("ingestion:log", args=[document.pk])).content.decode()

    assert "<script>alert" not in text
    assert "<img" not in text


def test_it_bounds_the_log(upload: Upload) -> None:
    job = upload().jobs.get()
    for number in range(journal.MAX_EVENTS + 20):
        jobs.note(job, "started", stage="read", host=str(number))

    job.refresh_from_db()
    assert len(job.events) == journal.MAX_EVENTS
    assert len(journal.lines(job)) == journal.MAX_EVENTS


def test_it_waits_for_space_without_counting(upload: Upload, library: Library, ann_client: Client) -> None:
    """security-cases section 2, row 16: a full disk is no failed try; the reason is shown, and it goes on by itself."""
    document = upload()
    for _ in range(10):
        IngestionJob.objects.update(due_at=None)
        held = jobs.claim_next("read")
        assert held is not None
        jobs.postpone(held, NoRoom())

    job = document.jobs.get()
    assert (job.state, job.attempts) == ("queued", 0)
    assert "no space left" in jobs_page(ann_client, library) or "freed space" in jobs_page(ann_client, library)
    IngestionJob.objects.update(due_at=None)
    tasks.read_document()
    job.refresh_from_db()
    assert (job.stage, job.error_code) == ("embed", "")


def test_it_waits_for_space_that_the_disk_lacks(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 16: ENOSPC anywhere in a step, not only where it was thought of."""
    document = upload()

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("apps.ingestion.pipeline.read", full)
    tasks.read_document()

    job = document.jobs.get()
    assert (job.state, job.attempts, job.error_code) == ("queued", 0, "no-room")


def test_it_counts_tries_that_failed_for_a_passing_reason(upload: Upload) -> None:
    document = upload()
    held = jobs.claim_next("read")
    assert held is not None

    jobs.give_back(held, EmbeddingFailed())

    job = document.jobs.get()
    assert (job.attempts, job.error_code) == (1, "embedding-failed")
    assert journal.lines(job)[-1].reason


def test_it_gives_work_back_uncounted_when_its_worker_stops(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart in the midst of a long file is no failed try."""
    document = upload()
    monkeypatch.setattr("apps.ingestion.progress.is_stopping", lambda: True)
    monkeypatch.setattr(tasks, "is_stopping", lambda: True)
    held = jobs.claim_next("read")
    assert held is not None

    def stopped(_held: object) -> None:
        raise tasks.ParseCancelled

    assert not tasks.attempt(held, stopped)

    job = document.jobs.get()
    assert (job.state, job.attempts) == ("queued", 0)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(3, "a few seconds"), (22, "about 20 s"), (50, "about 50 s"), (100, "about 2 min"), (4_000, "about 1 hour")],
)
def test_it_promises_no_more_than_an_estimate_can(seconds: float, shown: str) -> None:
    assert words.about_time(seconds) == shown


@pytest.mark.parametrize(("number", "shown"), [(1, "1st"), (2, "2nd"), (11, "11th"), (112, "112th"), (23, "23rd")])
def test_it_counts_in_english(number: int, shown: str) -> None:
    assert words.when_ready(estimates.Estimate(number, 3)).startswith(f"{shown} in line")


def test_it_tells_the_place_in_line_on_the_documents_page(
    upload: Upload, library: Library, ann_client: Client, django_assert_max_num_queries: Any
) -> None:
    """Ten that wait cost no more queries than one."""
    for number in range(10):
        upload(f"text {number}", name=f"{number}.txt")

    with django_assert_max_num_queries(34):
        response = ann_client.get(reverse("libraries:library", args=[library.pk]))

    assert "3rd in line" in response.content.decode()
