"""The console's pages about models."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from apps.catalog import work
from apps.catalog.models import AIModel, ModelAccess, ModelJob, TeamDefault
from apps.runtimes import registry
from apps.users.models import Team, User
from tests.runtimes.tiny_bert import write

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def models_dir(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.MODELS_DIR = tmp_path / "models"
    settings.MODELS_DIR.mkdir()
    yield settings.MODELS_DIR
    registry.close_all()


def chat(**fields: Any) -> AIModel:
    given = {"name": "toy", "title": "Toy chat", "kind": "chat", "runtime": "fake", "path": "toy", "state": "ready"}
    return AIModel.objects.create(**given | fields)


def test_it_shows_models_by_kind_and_narrows_them(root_client: Client) -> None:
    chat(is_default=True, licence="MIT")
    AIModel.objects.create(
        name="e", title="Embedder", kind="embedding", runtime="fake", path="e", error="Its file is gone."
    )

    page = root_client.get("/system/models/").content.decode()
    assert "Toy chat" in page
    assert "Its file is gone." in page
    narrowed = root_client.get("/system/models/", {"kind": "chat", "licence": "MIT", "q": "toy"}).content.decode()
    assert "Toy chat" in narrowed
    assert "Embedder" not in narrowed


def test_it_asks_the_same_number_of_queries_for_any_number_of_models(
    root_client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        chat(name=f"m{number}", title=f"Model {number}")
    root_client.get("/system/models/")

    with django_assert_max_num_queries(14):
        assert root_client.get("/system/models/").status_code == 200


def test_it_adds_a_folder_from_the_models_folder(root_client: Client, models_dir: Path) -> None:
    write(models_dir / "Tiny.v1")
    (models_dir / "Tiny.v1" / "manifest.json").unlink(missing_ok=True)
    (models_dir / "Tiny.v1" / "README.md").write_text("---\nlicense: mit\nlanguage:\n- en\n---\n# A *tiny* model")
    assert "Tiny.v1" in root_client.get("/system/models/add/").content.decode()

    answer = root_client.post("/system/models/add/file/", {"entry": "Tiny.v1"})

    model = AIModel.objects.get(name="tiny-v1")
    assert answer.headers["Location"].endswith(f"/system/models/{model.pk}/")
    assert work.work_one("run")
    model.refresh_from_db()
    assert (model.state, model.licence, model.languages, model.dimensions) == ("ready", "mit", "en", 16)
    page = root_client.get(f"/system/models/{model.pk}/").content.decode()
    assert "<em>tiny</em>" in page
    assert "Related sentences" in page
    assert "Tiny.v1" not in root_client.get("/system/models/add/").content.decode()


@pytest.mark.parametrize("entry", ["../x", "/etc", "..", "", "a/b", "none"])
def test_it_takes_nothing_from_elsewhere(root_client: Client, entry: str) -> None:
    """Security case 80."""
    assert root_client.post("/system/models/add/file/", {"entry": entry}).status_code in {400, 422}
    assert not AIModel.objects.exists()


def test_it_tests_measures_loads_and_unloads(root_client: Client) -> None:
    model = chat()
    for action in ("test", "benchmark", "load", "unload"):
        assert root_client.post(f"/system/models/{model.pk}/jobs/", {"action": action}).status_code == 302
        assert work.work_one("run")

    assert set(ModelJob.objects.values_list("state", flat=True)) == {"done"}
    model.refresh_from_db()
    assert model.benchmark["first_token_ms"] >= 0
    assert "It said" in root_client.get(f"/system/models/{model.pk}/").content.decode()


def test_it_does_one_thing_at_a_time_with_a_model(root_client: Client) -> None:
    model = chat()
    root_client.post(f"/system/models/{model.pk}/jobs/", {"action": "test"})

    refused = root_client.post(f"/system/models/{model.pk}/jobs/", {"action": "benchmark"})

    assert refused.status_code == 409
    root_client.post(f"/system/models/{model.pk}/cancel/")
    assert ModelJob.objects.get().state == "cancelled"


def test_it_shares_a_model_with_some_teams(root_client: Client, t1: Team, t2: Team) -> None:
    model = chat()

    root_client.post(f"/system/models/{model.pk}/access/", {"who": "some", "team": [str(t1.pk)]})

    model.refresh_from_db()
    assert not model.is_open
    assert list(ModelAccess.objects.values_list("team", flat=True)) == [t1.pk]
    page = root_client.get(f"/system/models/{model.pk}/", {"find": "two"}).content.decode()
    assert str(t2.pk) in page


def test_it_keeps_the_default_for_everybody(root_client: Client) -> None:
    model = chat(is_default=True)

    assert root_client.post(f"/system/models/{model.pk}/access/", {"who": "some"}).status_code == 409
    assert root_client.post(f"/system/models/{model.pk}/remove/").status_code == 409


def test_it_removes_a_model_with_its_files(root_client: Client, models_dir: Path) -> None:
    (models_dir / "toy").mkdir()
    (models_dir / "toy" / "x.gguf").write_bytes(b"GGUF")
    model = chat(source="file")

    root_client.post(f"/system/models/{model.pk}/remove/", {"files": "on"})

    assert not AIModel.objects.exists()
    assert list(models_dir.iterdir()) == []


def test_it_shows_a_load_with_its_percentage(root_client: Client) -> None:
    import time  # noqa: PLC0415

    chat()
    told = {"name": "toy", "is_ready": False, "progress": 0.4, "idle_s": 0, "is_busy": False, "memory_bytes": 0}
    cache.set("catalog:presence", {"w": {"at": time.time(), "models": [told], "free": 10**9}})

    assert "Loading 40 %" in root_client.get("/system/models/").content.decode()


def test_it_hides_its_pages_from_everybody_else(alice_client: Client) -> None:
    for path in ("/system/models/", "/system/models/add/"):
        assert alice_client.get(path).status_code == 404


def test_it_shows_what_a_new_default_touches_and_makes_it(root_client: Client, alice: User, t1: Team) -> None:
    from apps.chat.models import Conversation  # noqa: PLC0415

    old, new = chat(is_default=True), chat(name="b", title="Better")
    Conversation.objects.create(team=t1, owner=alice, title="x")

    page = root_client.get(f"/system/models/{new.pk}/default/").content.decode()
    assert "Toy chat → Better" in page
    assert "1 conversation goes on" in page
    root_client.post(f"/system/models/{new.pk}/default/")

    assert AIModel.objects.get(is_default=True) == new
    assert old.pk != new.pk


def test_it_makes_no_default_of_a_model_that_only_some_may_use(root_client: Client) -> None:
    chat(is_default=True)
    new = chat(name="b", is_open=False)

    assert root_client.post(f"/system/models/{new.pk}/default/").status_code == 409


def test_it_lets_a_team_choose_its_default(ada_client: Client, ann_client: Client, t1: Team) -> None:
    chat(is_default=True)
    new = chat(name="b", title="Better")
    closed = chat(name="c", title="Closed", is_open=False)
    address = f"/teams/{t1.pk}/models/"

    assert "Closed" not in ada_client.get(address).content.decode()
    assert ada_client.post(f"{address}default/", {"kind": "chat", "model": str(closed.pk)}).status_code == 404
    assert ann_client.post(f"{address}default/", {"kind": "chat", "model": str(new.pk)}).status_code == 403
    ada_client.post(f"{address}default/", {"kind": "chat", "model": str(new.pk)})

    assert TeamDefault.objects.get().model == new


def test_it_says_that_a_model_does_not_fit(root_client: Client) -> None:
    model = chat(memory_bytes=2**60)

    root_client.post(f"/system/models/{model.pk}/jobs/", {"action": "load"})
    work.work_one("run")

    assert ModelJob.objects.get().error_code == "model-memory"
    model.refresh_from_db()
    assert model.state == "ready"
