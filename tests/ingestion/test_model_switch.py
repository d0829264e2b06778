"""The change of the embedding model, security cases 2.20: the old index serves until the new one is complete."""

from typing import Any

import numpy as np
import pytest
from django.db import transaction
from django.test import Client

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, is_serving
from apps.core.invariants import verify
from apps.ingestion import refresh, switching, tasks
from apps.ingestion.errors import ModelServes, NoSuchModel, SwitchRunning
from apps.ingestion.models import IngestionJob, ModelSwitch
from apps.libraries.models import Chunk, ChunkEmbedding, Document
from apps.libraries.vectors import index_name
from apps.rag.search import SearchTools, search
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.fake import FakeEmbedder
from apps.users.models import User
from tests.factories import AIModelFactory, LibraryFactory
from tests.ingestion.conftest import long_text
from tests.rag.corpus import fill, scope_of

TEXTS = [f"Paragraph {number} speaks of subject {number * 7}." for number in range(90)]


@pytest.fixture
def old() -> AIModel:
    """Return the model that serves."""
    return AIModelFactory()


@pytest.fixture
def new(old: AIModel) -> AIModel:
    """Return another one, of another size."""
    return AIModelFactory(name="other-embedder", title="Other", dimensions=128, is_default=False)


def _vectors(model: AIModel) -> int:
    return ChunkEmbedding.objects.filter(model=model).count()


def _found(library: Any) -> list[str]:
    tools = SearchTools.default()
    return [each.text for each in search(scope_of(library), TEXTS[5], k=1, tools=tools).passages]


def _stop_after(batches: int) -> Any:
    """Return an `is_stopping` that says so after so many batches, as a worker that is told to end."""
    asked: list[int] = []

    def is_stopping() -> bool:
        asked.append(1)
        return len(asked) > batches

    return is_stopping


@pytest.mark.django_db(transaction=True)
def test_it_searches_with_the_old_model_until_every_passage_has_a_new_vector(old: AIModel, new: AIModel) -> None:
    library = LibraryFactory()
    fill(library, TEXTS)
    switch = switching.start(user=None, new=new)

    assert not switching.carry_on(_stop_after(2))
    switch.refresh_from_db()
    half = _vectors(new)

    assert 0 < half < len(TEXTS)
    assert (switch.state, switch.done, switch.total) == ("running", half, len(TEXTS))
    assert default_model("embedding") == old
    assert _found(library) == [TEXTS[5]]

    assert switching.carry_on()  # another worker goes on where the first one stopped
    switch.refresh_from_db()

    assert switch.state == "done"
    assert default_model("embedding") == new
    assert _vectors(new) == _vectors(old) == len(TEXTS)
    assert _found(library) == [TEXTS[5]]
    assert not verify()


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_loses_its_lease_and_the_poller_rings_again(
    old: AIModel, new: AIModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(LibraryFactory(), TEXTS)
    switching.start(user=None, new=new)
    rung: list[str] = []
    monkeypatch.setattr(tasks, "ring", lambda task, *_: rung.append(task.name.rpartition(".")[2]))
    held = switching._claim("a worker that was killed")

    assert held is not None
    assert not switching.carry_on()  # its lease holds
    tasks.poll()
    assert "switch_model" not in rung

    ModelSwitch.objects.update(lease_until="2020-01-01T00:00Z")
    tasks.poll()
    assert "switch_model" in rung
    assert switching.carry_on()


@pytest.mark.django_db(transaction=True)
def test_what_is_written_during_the_change_gets_both_vectors(old: AIModel, new: AIModel) -> None:
    library = LibraryFactory()
    fill(library, TEXTS[:40])
    switching.start(user=None, new=new)
    switching.carry_on(_stop_after(1))
    fill(library, TEXTS[40:], name="later.txt")  # by the old model, which still serves
    edited = Chunk.objects.filter(embeddings__model=new).first()
    assert edited is not None
    Chunk.objects.filter(pk=edited.pk).update(text="Quite another text.", is_edited=True, is_pending=True)
    refresh.embed_changed()

    assert switching.carry_on()

    assert _vectors(new) == len(TEXTS)
    stored = ChunkEmbedding.objects.get(chunk=edited, model=new).vector
    fresh = FakeEmbedder(dimensions=128).embed_passages(["Quite another text."])[0]
    assert np.allclose(np.asarray(stored), fresh, atol=1e-5)
    assert not verify()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("paragraphs", "rung", "small_chunks")
def test_a_document_embedded_by_the_old_model_is_embedded_anew_when_the_new_one_serves(
    old: AIModel, new: AIModel, upload: Any
) -> None:
    document = upload(long_text(8))
    tasks.read_document()
    tasks.embed_pending()
    job = IngestionJob.objects.get(document=document)
    assert (job.stage, job.model) == ("index", old)
    switching.start(user=None, new=new)
    assert switching.carry_on()

    tasks.index_document()
    job.refresh_from_db()
    assert (job.state, job.stage) == ("queued", "embed")
    tasks.embed_pending()
    tasks.index_document()

    document.refresh_from_db()
    assert document.status == Document.Status.READY
    assert not verify()


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_after_the_model_broke(old: AIModel, new: AIModel, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(LibraryFactory(), TEXTS[:3])
    switch = switching.start(user=None, new=new)

    def broken(_spec: object) -> FakeEmbedder:
        raise RuntimeFailure("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(switching.registry, "embedder", broken)
        assert not switching.carry_on()
    switch.refresh_from_db()
    assert (switch.state, switch.error_code, switch.lease_owner) == ("running", "model-failed", "")

    assert switching.carry_on()


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_change_leaves_nothing_behind(old: AIModel, new: AIModel, root: User) -> None:
    fill(LibraryFactory(), TEXTS)
    switch = switching.start(user=root, new=new)
    switching.carry_on(_stop_after(2))

    assert switching.cancel(user=root, switch=switch)
    assert not switching.carry_on()
    assert switching.clean() > 0

    assert _vectors(new) == 0
    assert _vectors(old) == len(TEXTS)
    assert not switching.cancel(user=root, switch=switch)
    assert switching.start(user=root, new=new)


@pytest.mark.django_db(transaction=True)
def test_the_old_vectors_stay_for_a_while_and_go_with_their_index(
    old: AIModel, new: AIModel, django_assert_num_queries: Any
) -> None:
    fill(LibraryFactory(), TEXTS[:5])
    switching.start(user=None, new=new)
    switching.carry_on()

    assert switching.clean() == 0
    assert _vectors(old) == 5
    ModelSwitch.objects.update(finished_at="2020-01-01T00:00Z")
    assert switching.clean() == 5
    assert _has_index(new)
    assert not _has_index(old)
    with django_assert_num_queries(1):
        assert switching.clean() == 0


def _has_index(model: AIModel) -> bool:
    from django.db import connection  # noqa: PLC0415  # only here

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_class WHERE relname = %s", [index_name(model)])
        return cursor.fetchone() is not None


@pytest.mark.django_db(transaction=True)
def test_there_is_one_change_at_a_time_and_none_to_what_serves(old: AIModel, new: AIModel) -> None:
    with pytest.raises(ModelServes):
        switching.start(user=None, new=old)
    with pytest.raises(NoSuchModel):
        switching.start(user=None, new=AIModelFactory(name="a-chat", kind=AIModel.Kind.CHAT, is_default=False))
    switching.start(user=None, new=new)
    with pytest.raises(SwitchRunning):
        switching.start(user=None, new=AIModelFactory(name="third", is_default=False))


@pytest.mark.django_db
def test_it_says_whether_a_model_serves(old: AIModel, new: AIModel) -> None:
    with transaction.atomic():
        assert is_serving(old)
        assert not is_serving(new)


@pytest.mark.django_db(transaction=True)
def test_administrators_begin_and_cancel_it_on_a_page(
    old: AIModel, new: AIModel, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(LibraryFactory(), TEXTS[:5])
    rung: list[str] = []
    monkeypatch.setattr("apps.ingestion.switch_views.ring", lambda task, *_: rung.append(task.name))
    client = Client()
    client.force_login(root)

    assert b"Other" in client.get("/system/embedding/").content
    assert client.post("/system/embedding/start/", {"model": "other-embedder"}).status_code == 302
    assert rung
    assert client.post("/system/embedding/start/", {"model": "other-embedder"}).status_code == 409
    assert client.post("/system/embedding/start/", {"model": "none"}).status_code == 422
    page = client.get("/system/embedding/").content.decode()
    switch = switching.running()
    assert switch is not None
    assert "0 of 5 passages" in page
    assert client.post("/system/embedding/cancel/", {"switch": "no id"}).status_code == 404
    assert client.post("/system/embedding/cancel/", {"switch": str(switch.pk)}).status_code == 302
    assert switching.running() is None
