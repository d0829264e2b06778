"""Runs of a question set: leased, resumable, stopped at once, measured, compared with their baseline."""

import time
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from apps.evaluation import alarms, comparing, nightly, running, runs, set_services, tasks, trial
from apps.evaluation.judging import Case, Outcome
from apps.evaluation.models import QuestionSet, Run, RunResult, SetQuestion
from apps.evaluation.runs import LostRun, Settings
from apps.evaluation.set_errors import NothingToRun, RunUnderWay
from apps.libraries.models import Chunk, Document
from apps.libraries.services import store_version
from apps.libraries.types import ChunkDraft
from apps.users.models import Team, User
from tests.evaluation.conftest import TEXTS, first
from tests.rag.corpus import EMBEDDER


def start(questions: QuestionSet, user: User | None = None, kind: str = Run.Kind.RETRIEVAL, **more: Any) -> Run:
    return runs.start(user=user, questions=questions, kind=kind, chosen=Settings.of_library(questions.library), **more)


def done(questions: QuestionSet, user: User | None = None, kind: str = Run.Kind.RETRIEVAL, **more: Any) -> Run:
    run = start(questions, user, kind, **more)
    tasks.work_runs()
    run.refresh_from_db()
    return run


def never() -> bool:
    return False


def test_it_measures_a_set(the_set: QuestionSet, ed: User) -> None:
    run = done(the_set, ed)

    assert (run.state, run.error_code) == (Run.State.DONE, "")
    assert (run.progress_done, run.progress_total) == (3, 3)
    assert run.metrics["questions"] == 3
    assert run.metrics["recall_at_5"] == 1.0
    assert run.metrics["ndcg_at_10"] > 0.6
    assert run.metrics["search_p95_ms"] > 0
    assert len(run.metrics["recall_curve"]) == 20
    assert run.facts["documents"] == 1
    assert run.lease_until is None


def test_it_measures_answers_as_chats_give_them(the_set: QuestionSet, ed: User) -> None:
    run = done(the_set, ed, Run.Kind.ANSWERS)

    assert run.state == Run.State.DONE, run.error_code
    assert {"f1", "answer_contained", "citation_recall", "refusal_accuracy", "answer_p50_ms"} <= run.metrics.keys()
    assert RunResult.objects.filter(run=run, answer="").count() == 0


def test_it_runs_accepted_questions_alone(the_set: QuestionSet, ed: User) -> None:
    set_services.add_question(user=ed, questions=the_set, text="A draft?", state=SetQuestion.State.DRAFT)
    set_services.delete_questions(SetQuestion.objects.filter(pk=first(the_set).pk))

    assert done(the_set).progress_total == 2


def test_it_has_one_run_of_a_set_at_a_time(the_set: QuestionSet) -> None:
    start(the_set)

    with pytest.raises(RunUnderWay):
        start(the_set)


def test_it_needs_a_question(the_set: QuestionSet) -> None:
    set_services.delete_questions(set_services.present(the_set))

    with pytest.raises(NothingToRun):
        start(the_set)


def test_it_goes_on_where_a_dead_worker_left_it(the_set: QuestionSet, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(the_set)
    held = runs.claim()
    assert held is not None
    _answer_one(run, held)
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    asked: list[str] = []
    real = trial.search_case
    monkeypatch.setattr(running, "search_case", lambda case, find: asked.append(case.text) or real(case, find))

    tasks.work_runs()

    run.refresh_from_db()
    assert (run.state, run.losses, run.attempt) == (Run.State.DONE, 1, 2)
    assert len(asked) == 2
    assert RunResult.objects.filter(run=run).count() == 3


def _answer_one(run: Run, held: runs.Held) -> None:
    question = runs.open_questions(run)[0]
    runs.store(held, question, Outcome(Case(question.pk, question.text), (), {"refusal_accuracy": 1.0}))


def test_it_fences_a_worker_that_was_only_slow(the_set: QuestionSet) -> None:
    run = start(the_set)
    slow = runs.claim()
    assert slow is not None
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert runs.claim() is not None

    with pytest.raises(LostRun):
        _answer_one(run, slow)
    assert RunResult.objects.filter(run=run).count() == 0


def test_it_gives_up_a_run_that_kills_its_workers(the_set: QuestionSet) -> None:
    run = start(the_set)
    for _ in range(runs.MOST_LOSSES):
        assert runs.claim() is not None
        Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    assert runs.claim() is None
    run.refresh_from_db()
    assert (run.state, run.error_code) == (Run.State.FAILED, "run-lost")


def test_it_does_not_take_what_another_worker_holds(the_set: QuestionSet) -> None:
    start(the_set)
    assert runs.claim() is not None

    assert runs.claim() is None


def test_it_stops_a_run_before_its_next_result_and_can_go_on(the_set: QuestionSet) -> None:
    run = start(the_set)
    held = runs.claim()
    assert held is not None
    _answer_one(run, held)

    assert runs.stop(run=run)
    with pytest.raises(LostRun):
        running.work(held, until=time.monotonic() + 60, is_stopping=never)
    run.refresh_from_db()
    assert (run.state, run.progress_done) == (Run.State.CANCELLED, 1)

    assert runs.go_on(run=run)
    tasks.work_runs()
    run.refresh_from_db()
    assert (run.state, run.progress_done) == (Run.State.DONE, 3)


def test_it_lets_others_go_first_after_a_shift(the_set: QuestionSet) -> None:
    run = start(the_set)
    held = runs.claim()
    assert held is not None

    assert not running.work(held, until=0.0, is_stopping=never)

    run.refresh_from_db()
    assert (run.state, run.losses) == (Run.State.QUEUED, 0)


def test_it_says_why_it_failed_and_keeps_what_is_measured(
    the_set: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = trial.search_case
    seen: list[str] = []

    def broken(case: Case, find: trial.Find) -> Outcome:
        seen.append(case.text)
        if len(seen) > 1:
            raise KeyError("x")
        return real(case, find)

    monkeypatch.setattr(running, "search_case", broken)

    run = done(the_set)

    assert (run.state, run.error_code) == (Run.State.FAILED, "run-failed")
    assert RunResult.objects.filter(run=run).count() == 1


def test_it_knows_the_gold_again_in_a_new_version(the_set: QuestionSet, passages: list[Chunk], ed: User) -> None:
    """Chunks change with each version; the words of a gold passage lead to it all the same."""
    before = done(the_set)
    document = Document.objects.get(pk=passages[0].document_id)
    version = document.current_version
    assert version is not None
    texts = ["Preface. " + TEXTS[0], "Something new. " + TEXTS[1], TEXTS[2]]
    model = trial.SearchTools.default().model
    Chunk.objects.filter(document=document).delete()
    drafts = [ChunkDraft(number, text, tokens=10) for number, text in enumerate(texts)]
    store_version(version=version, drafts=drafts, vectors=EMBEDDER.embed_passages(texts), model=model, blocks=None)

    after = done(the_set)

    assert after.metrics["recall_at_5"] == before.metrics["recall_at_5"] == 1.0
    assert after.facts["digest"] != before.facts["digest"]


def test_it_finds_the_namesake_of_a_deleted_document(the_set: QuestionSet, passages: list[Chunk]) -> None:
    other = Document.objects.get(pk=passages[0].document_id)
    other.pk, other.sha256 = None, "0" * 64
    other._state.adding = True
    other.current_version = None
    other.save()
    Document.objects.filter(pk=passages[0].document_id).update(deleted_at=timezone.now())

    cases = trial.cases_of([first(the_set)], the_set.library)

    assert cases[0].gold[0].document == other.pk


def test_it_raises_an_alarm_where_a_measure_falls(
    the_set: QuestionSet, ed: User, ann: User, t1: Team, passages: list[Chunk]
) -> None:
    done(the_set)
    Chunk.objects.filter(pk=passages[0].pk).delete()

    worse = done(the_set)

    assert worse.is_alarm
    assert {name for name, _was, _now in worse.alarm["falls"]} >= {"ndcg_at_10", "recall_at_10"}
    assert worse.alarm["questions"] == 3
    assert list(alarms.open_alarms(ed, t1)) == [worse]
    assert not alarms.open_alarms(ann, t1).exists()  # a viewer has no evaluation
    alarms.take_note(the_set)
    assert not alarms.open_alarms(ed, t1).exists()


def test_it_compares_over_the_questions_that_both_runs_have(the_set: QuestionSet, ed: User) -> None:
    before = done(the_set)
    set_services.add_question(user=ed, questions=the_set, text="Nowhere at all?", gold=[_elsewhere(the_set)])

    after = done(the_set)

    assert after.metrics["recall_at_10"] < before.metrics["recall_at_10"]
    assert not after.is_alarm
    found = comparing.compare(before, after)
    assert found.counts == {"worse": 0, "better": 0, "same": 3, "new": 1, "gone": 0}


def _elsewhere(questions: QuestionSet) -> dict[str, str]:
    document = Document.objects.get(library=questions.library)
    return {"document": str(document.pk), "name": document.name, "quote": "Words that stand in no passage of it"}


def test_it_says_which_questions_became_worse(the_set: QuestionSet, passages: list[Chunk]) -> None:
    before = done(the_set)
    Chunk.objects.filter(pk=passages[1].pk).delete()

    found = comparing.compare(before, done(the_set))

    assert next((row.text, row.verdict) for row in found.rows) == ("When does the canteen open?", "worse")
    assert ("passages", 4, 3) in found.differences
    assert comparing.compare(before, before).counts["same"] == 3


def night(hour: int, day: int = 5) -> datetime:
    return datetime(2026, 3, day, hour, 30, tzinfo=ZoneInfo(settings.TIME_ZONE))


def test_it_runs_at_night_where_anything_changed(the_set: QuestionSet, ed: User, passages: list[Chunk]) -> None:
    set_services.change_set(user=ed, questions=the_set, is_nightly=True)
    hour = settings.ENV.night_hour

    assert nightly.start_due(night(hour + 12)) == 0  # by day
    assert nightly.start_due(night(hour)) == 1
    tasks.work_runs()
    assert nightly.start_due(night(hour, day=6)) == 0  # nothing changed
    first(the_set).delete()
    Run.objects.update(created_at=night(hour - 1, day=6))
    assert nightly.start_due(night(hour, day=6)) == 1
    assert nightly.start_due(night(hour, day=6)) == 0  # it waits already
    assert Run.objects.filter(is_nightly=True).count() == 2


def test_it_runs_no_set_that_nobody_asked_to_run(the_set: QuestionSet) -> None:
    assert nightly.start_due(night(settings.ENV.night_hour)) == 0


def test_it_rings_again_for_a_run_that_waits(the_set: QuestionSet, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[object] = []
    monkeypatch.setattr(tasks, "ring", lambda task, *_: rung.append(task))
    tasks.poll_runs()
    assert not rung
    start(the_set)

    tasks.poll_runs()

    assert rung == [tasks.work_runs]


def test_it_keeps_the_lease_while_a_model_writes(the_set: QuestionSet, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(the_set)
    held = runs.claim()
    assert held is not None
    monkeypatch.setattr(running, "RENEW_S", 0.0)
    Run.objects.filter(pk=run.pk).update(lease_until=F("created_at"))

    running._Keeper(held)()

    run.refresh_from_db()
    assert run.lease_until is not None
    assert run.lease_until > timezone.now()
    runs.stop(run=run)
    with pytest.raises(LostRun):
        running._Keeper(held)()
