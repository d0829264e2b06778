"""Models of services in the console: allowed hosts, the key, and its address."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.catalog import work
from apps.catalog.models import AIModel, ModelJob
from apps.catalog.specs import spec_of
from apps.core import crypto
from apps.runtimes import registry
from tests import settings_override
from tests.runtimes.service import Seen, serving

pytestmark = pytest.mark.django_db
KEY = "sk-CANARY-T1-provider-key"


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def host(seen: Seen) -> Iterator[str]:
    with serving(seen) as host, settings_override.env(model_hosts=host, chat_runtime="", embed_runtime=""):
        yield host
    registry.close_all()


def form(host: str, **more: str) -> dict[str, str]:
    return {"kind": "chat", "base_url": f"http://{host}/v1/", "remote_name": "big", "key": KEY, "title": "Big"} | more


def added(root_client: Client, host: str, **more: str) -> AIModel:
    assert root_client.post("/system/models/add/service/", form(host, **more)).status_code == 302
    assert work.work_one("run")
    return AIModel.objects.get()


def test_it_adds_a_service_and_is_ready_once_its_test_went_well(root_client: Client, host: str, seen: Seen) -> None:
    model = added(root_client, host)

    assert (model.state, model.base_url, model.runtime) == ("ready", f"http://{host}/v1", "openai_http")
    assert ModelJob.objects.get().result["said"].startswith("w0 w1")
    assert seen.requests[0][1]["Authorization"] == f"Bearer {KEY}"


def test_it_learns_the_dimensions_of_an_embedding_model(root_client: Client, host: str) -> None:
    model = added(root_client, host, kind="embedding")

    assert (model.state, model.dimensions) == ("ready", 3)


def test_it_shows_why_a_service_does_not_work(root_client: Client, host: str, seen: Seen) -> None:
    seen.status = 401

    model = added(root_client, host)

    assert model.state == "broken"
    page = root_client.get(f"/system/models/{model.pk}/").content.decode()
    assert "refused the key" in page
    assert "SECRET" not in page


def test_security_case_38_a_key_is_stored_sealed_and_shown_nowhere(root_client: Client, host: str, caplog: Any) -> None:
    model = added(root_client, host)

    pages = [root_client.get(path).content.decode() for path in ("/system/models/", f"/system/models/{model.pk}/")]
    stored = [*map(str, AIModel.objects.values()), *map(str, ModelJob.objects.values()), repr(spec_of(model))]
    audited = [str(row) for row in AuditEvent.objects.values()]
    for text in [*pages, *stored, *audited, caplog.text]:
        assert KEY not in text
    assert model.credential not in "".join(pages)


@pytest.mark.parametrize("moved", ["", "/v2"])
def test_security_case_14_a_stored_key_goes_to_no_other_address(
    root_client: Client, host: str, seen: Seen, moved: str
) -> None:
    model = added(root_client, host)
    with serving(Seen()) as other, settings_override.env(model_hosts=f"{host},{other}", chat_runtime=""):
        address = f"http://{host}{moved}" if moved else f"http://{other}/v1"

        refused = root_client.post(
            f"/system/models/{model.pk}/service/", {"base_url": address, "remote_name": "big", "key": ""}
        )

        assert refused.status_code == 422
        assert "Enter the key again" in refused.content.decode()
    model.refresh_from_db()
    assert model.base_url == f"http://{host}/v1"


def test_security_case_14_a_moved_row_cannot_open_its_key(root_client: Client, host: str) -> None:
    """Even a write past the form leaves the key closed: it was sealed for its address."""
    model = added(root_client, host)
    AIModel.objects.update(base_url="http://evil.test/v1")
    model.refresh_from_db()

    with pytest.raises(crypto.SecretUnreadable):
        crypto.unseal(model.credential, place=spec_of(model).place)


def test_it_keeps_the_key_where_the_address_stays(root_client: Client, host: str, seen: Seen) -> None:
    model = added(root_client, host)

    root_client.post(
        f"/system/models/{model.pk}/service/", {"base_url": f"http://{host}/v1", "remote_name": "bigger", "key": ""}
    )
    work.work_one("run")

    assert seen.requests[-1][1]["Authorization"] == f"Bearer {KEY}"
    assert seen.requests[-1][2]["model"] == "bigger"


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "http://localhost:22/v1",
        "http://10.0.0.1/v1",
        "http://127.0.0.1:1/v1",
        "https://example.test/v1",
        "file:///etc/passwd",
        "http://user:pass@{host}/v1",
        "gopher://{host}/",
    ],
)
def test_security_case_62_only_hosts_of_the_operators_list_are_asked(
    root_client: Client, host: str, seen: Seen, address: str
) -> None:
    answer = root_client.post("/system/models/add/service/", form(host, base_url=address.format(host=host)))

    assert answer.status_code == 422
    assert not AIModel.objects.exists()
    assert seen.requests == []


def test_it_says_how_to_allow_a_host(root_client: Client) -> None:
    assert "KB_MODEL_HOSTS=localhost:11434" in root_client.get("/system/models/add/").content.decode()
