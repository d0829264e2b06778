"""The inbox of gaps: alike questions together, the right library, closing asks again."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.evaluation import gap_tasks, gap_work, gaps
from apps.evaluation.errors import NoSuchEditor
from apps.evaluation.models import Gap, GapQuestion
from apps.libraries.models import AskedQuestion, Library
from apps.users.models import User
from tests.factories import LibraryFactory
from tests.rag.corpus import EMBEDDER, fill

Ask = Any


@pytest.fixture
def ask(library: Library, embedding_model: AIModel) -> Ask:
    """Return a function that logs a question; its vector is the fake embedder's unless given."""

    def asked(text: str, user: User | None = None, *, vector: Any = None, **more: Any) -> AskedQuestion:
        values: dict[str, Any] = {
            "team": library.team,
            "user": user,
            "library_ids": [library.pk],
            "nearest_library_id": library.pk,
            "source": AskedQuestion.Source.CHAT,
            "question": text,
            "is_refusal": True,
            "model": embedding_model,
            "vector": EMBEDDER.embed_queries([text])[0] if vector is None else vector,
        }
        return AskedQuestion.objects.create(**(values | more))

    return asked


def direction(degrees: float) -> list[float]:
    """Return a unit vector in a plane: the cosine of two of them is that of the angle between."""
    vector = np.zeros(384)
    vector[0], vector[1] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return [float(value) for value in vector]


@pytest.mark.django_db
def test_it_gathers_alike_questions_and_counts_who_asked(ask: Ask, alice: User, ann: User, library: Library) -> None:
    ask("How long is the parental leave?", alice, vector=direction(0))
    ask("parental leave duration", ann, vector=direction(10))
    ask("What about leave for parents", ann, vector=direction(20))
    ask("Where is the printer?", alice, vector=direction(90))

    assert gaps.collect() == 4
    assert gaps.collect() == 0

    first, second = Gap.objects.filter(library=library)
    assert (first.question_count, first.asker_count) == (3, 2)
    assert first.title == "parental leave duration"  # the most typical: nearest to the centre
    assert (second.title, second.question_count) == ("Where is the printer?", 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("one", "other"),
    [("Budget of 2023?", "Budget of 2024?"), ("Weight of the X200", "Weight of the X300"), ("GPU 报价", "CPU 报价")],
)
def test_other_numbers_and_part_numbers_are_another_gap(ask: Ask, one: str, other: str) -> None:
    ask(one, vector=direction(0))
    ask(other, vector=direction(1))
    gaps.collect()
    assert Gap.objects.count() == 2


@pytest.mark.django_db
def test_it_takes_refused_weak_and_voted_down_questions_alone(ask: Ask) -> None:
    ask("answered well", is_refusal=False, vector=direction(0))
    ask("of a test page", source=AskedQuestion.Source.TEST, vector=direction(60))
    ask("weak", is_refusal=False, is_weak=True, vector=direction(120))
    ask("voted down", is_refusal=False, vote=-1, vector=direction(180))
    ask("refused", vector=direction(240))

    gaps.collect()

    assert {gap.title for gap in Gap.objects.all()} == {"weak", "voted down", "refused"}


@pytest.mark.django_db
def test_a_question_waits_for_its_vector(ask: Ask) -> None:
    row = ask("not embedded yet")
    AskedQuestion.objects.filter(pk=row.pk).update(vector=None)
    assert gaps.collect() == 0


@pytest.mark.django_db
def test_a_vote_that_is_taken_back_leaves_the_gap(ask: Ask) -> None:
    row = ask("voted down", is_refusal=False, vote=-1)
    gaps.collect()
    AskedQuestion.objects.filter(pk=row.pk).update(vote=1)

    gaps.collect()

    assert not Gap.objects.exists()
    assert not GapQuestion.objects.exists()


@pytest.mark.django_db
def test_a_gap_that_somebody_works_at_stays_without_questions(ask: Ask, alice: User) -> None:
    row = ask("voted down", is_refusal=False, vote=-1)
    gaps.collect()
    gap = Gap.objects.get()
    gap_work.note(gap=gap, text="Ask the legal team.")
    row.delete()
    gaps.recount(gap)
    assert Gap.objects.get().note == "Ask the legal team."


@pytest.mark.django_db
def test_a_question_goes_to_the_library_of_its_nearest_passage(ask: Ask, library: Library, alice: User) -> None:
    other = LibraryFactory(team=library.team, name="Other")
    ask("About the other one", library_ids=[library.pk, other.pk], nearest_library_id=other.pk)
    gone = LibraryFactory(team=library.team, name="Gone", deleted_at=timezone.now())
    ask("Nowhere", library_ids=[gone.pk], nearest_library_id=gone.pk, vector=direction(90))

    gaps.collect()

    assert [gap.library for gap in Gap.objects.all()] == [other]


@pytest.mark.django_db
def test_a_closed_gap_opens_again_when_somebody_asks_in_vain(ask: Ask, alice: User) -> None:
    ask("How long is the parental leave?", alice, vector=direction(0))
    gaps.collect()
    gap = Gap.objects.get()
    gap_work.move(user=alice, gap=gap, state=Gap.State.CLOSED, ring=_none)
    assert Gap.objects.get().state == "closed"

    late = ask("parental leave?", alice, vector=direction(5))
    AskedQuestion.objects.filter(pk=late.pk).update(created_at=timezone.now() + timedelta(minutes=1))
    gaps.collect()

    gap.refresh_from_db()
    assert (gap.state, gap.question_count, gap.closed_at) == ("open", 2, None)


@pytest.mark.django_db
def test_a_dismissed_gap_swallows_what_is_alike(ask: Ask, alice: User) -> None:
    ask("Tell me a joke", alice, vector=direction(0))
    gaps.collect()
    gap_work.move(user=alice, gap=Gap.objects.get(), state=Gap.State.DISMISSED, ring=_none)
    ask("A joke please", alice, vector=direction(5))
    gaps.collect()
    gap = Gap.objects.get()
    assert (gap.state, gap.question_count) == ("dismissed", 2)


def _none(_gap_id: UUID) -> None:
    """Ring nobody."""


@pytest.mark.django_db
def test_closing_asks_its_questions_again(
    ask: Ask, alice: User, library: Library, django_capture_on_commit_callbacks: Any
) -> None:
    ask("How long does water boil at sea level?", alice)
    ask("Who painted the ceiling of the hall?", alice)
    gaps.collect()
    for gap in Gap.objects.all():
        GapQuestion.objects.filter(gap=gap).update(is_answered=None)
    one, other = Gap.objects.order_by("title")
    GapQuestion.objects.filter(gap=other).update(gap=one)
    fill(library, ["How long does water boil at sea level? Water boils at sea level for as long as it is heated."])
    rung: list[UUID] = []

    with django_capture_on_commit_callbacks(execute=True):
        gap_work.move(user=alice, gap=one, state=Gap.State.CLOSED, ring=rung.append)
    assert rung == [one.pk]
    gap_tasks.rerun_gap(str(one.pk))

    one.refresh_from_db()
    assert one.rerun["state"] == "done"
    assert one.rerun["total"] == 2
    assert one.rerun["answered"] == GapQuestion.objects.filter(is_answered=True).count()
    assert GapQuestion.objects.get(asked__question__startswith="How long").is_answered


@pytest.mark.django_db
def test_a_rerun_whose_worker_died_is_rung_again(ask: Ask, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ask("Anything", alice)
    gaps.collect()
    gap = Gap.objects.get()
    gap_work.queue_rerun(gap, _none)
    rung: list[UUID] = []
    monkeypatch.setattr(gap_tasks, "ring_rerun", rung.append)

    gap_tasks.collect_gaps()
    assert rung == []
    Gap.objects.update(updated_at=timezone.now() - timedelta(hours=1))
    gap_tasks.collect_gaps()
    assert rung == [gap.pk]


@pytest.mark.django_db
def test_only_an_editor_can_be_given_a_gap(ask: Ask, alice: User, ann: User, ed: User, bob: User) -> None:
    ask("Anything", alice)
    gaps.collect()
    gap = Gap.objects.get()

    assert gap_work.assign(user=alice, gap=gap, assignee_id=ed.pk).assignee == ed
    for stranger in (ann, bob):
        with pytest.raises(NoSuchEditor):
            gap_work.assign(user=alice, gap=gap, assignee_id=stranger.pk)
    assert gap_work.assign(user=alice, gap=gap, assignee_id=None).assignee is None


@pytest.mark.django_db
def test_editors_see_the_inbox_and_no_conversation(
    ask: Ask, ann: User, ed_client: Client, library: Library, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        ask(f"Question number {number} <b>bold</b>", ann, vector=direction(number * 60))
    gaps.collect()
    gap = Gap.objects.first()
    assert gap is not None

    with django_assert_max_num_queries(22):
        page = ed_client.get(f"/libraries/{library.pk}/gaps/").content.decode()
    assert page.count("Question number") == 6
    assert "<b>bold</b>" not in page
    sheet = ed_client.get(f"/libraries/{library.pk}/gaps/{gap.pk}/").content.decode()
    assert str(ann) in sheet
    assert "refused" in sheet


@pytest.mark.django_db
def test_the_gap_of_another_library_is_not_found(ask: Ask, ed_client: Client, library: Library) -> None:
    other = LibraryFactory(team=library.team, name="Other")
    ask("Anything", library_ids=[other.pk], nearest_library_id=other.pk)
    gaps.collect()
    gap = Gap.objects.get()
    assert ed_client.get(f"/libraries/{library.pk}/gaps/{gap.pk}/").status_code == 404
    assert ed_client.get(f"/libraries/{other.pk}/gaps/{gap.pk}/").status_code == 200
    moved = ed_client.post(f"/libraries/{other.pk}/gaps/{gap.pk}/move/", {"state": "burnt"})
    assert moved.status_code == 404


@pytest.mark.django_db
def test_its_pages_lead_to_one_another(ed_client: Client, library: Library) -> None:
    for number in range(30):
        Gap.objects.create(team=library.team, library=library, title=f"Gap number {number}")
    first = ed_client.get(f"/libraries/{library.pk}/gaps/").content.decode()
    assert 'href="?state=open&amp;page=2"' in first
    second = ed_client.get(f"/libraries/{library.pk}/gaps/?state=open&page=2").content.decode()
    assert second.count("Gap number") == 5


@pytest.mark.django_db
def test_a_garbled_assignee_changes_nothing(ed_client: Client, ed: User, library: Library) -> None:
    gap = Gap.objects.create(team=library.team, library=library, title="A gap", assignee=ed)
    assert ed_client.post(f"/libraries/{library.pk}/gaps/{gap.pk}/change/", {"assignee": "nobody"}).status_code == 422
    gap.refresh_from_db()
    assert gap.assignee == ed
