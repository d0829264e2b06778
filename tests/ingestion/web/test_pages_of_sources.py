"""The web tab: who may use it, what it refuses at once, what it shows."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.ingestion.models import WebSource
from apps.libraries.models import Library
from tests.ingestion.web.conftest import Add, Site, html

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://[::1]/",
        "http://169.254.169.254/latest/meta-data", "http://10.0.0.8/", "http://localhost/", "http://localhost:6379/",
        "file:///etc/passwd", "gopher://example.org/", "ftp://example.org/x", "http://example.org:22/",
        "http://ok.test\\@127.0.0.1/", "http://a@127.0.0.1:80@ok.test/", "http://user:pw@example.org/",
        "http://[64:ff9b::7f00:1]/", "http://[::ffff:127.0.0.1]/", "javascript:alert(1)", "data:text/html,x",
    ],
)  # fmt: skip
def test_it_refuses_at_save_what_would_be_refused_at_run_cases_57_to_61(
    url: str, alice_client: Client, library: Library
) -> None:
    form = {"kind": "pages", "urls": f"https://example.org/\n{url}", "every_hours": "0"}
    answer = alice_client.post(f"/libraries/{library.pk}/web/new/", form, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert not WebSource.objects.exists()


def test_it_adds_a_source_and_shows_its_pages(site: Site, add: Add, alice_client: Client, library: Library) -> None:
    site.put("/a", html("&lt;img src=x onerror=alert(1)&gt;", "words"))
    source = add(f"{site.base}/a")
    page = alice_client.get(f"/web/{source.pk}/").content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img src=x" not in page
    listing = alice_client.get(f"/libraries/{library.pk}/web/").content.decode()
    assert f"{site.base}/a" in listing


def test_it_takes_an_address_without_its_scheme(
    alice_client: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.ingestion.web.services.ring", lambda *_: None)
    form = {"kind": "site", "urls": "example.org/handbook", "depth": "1", "max_pages": "20", "every_hours": "24"}
    answer = alice_client.post(f"/libraries/{library.pk}/web/new/", form)
    assert answer.status_code == 302
    source = WebSource.objects.get()
    assert (source.urls, source.depth, source.max_pages) == (["https://example.org/handbook"], 1, 20)


def test_it_says_the_limit_of_pages(alice_client: Client, library: Library) -> None:
    form = {"kind": "site", "urls": "example.org", "depth": "1", "max_pages": "100000", "every_hours": "0"}
    answer = alice_client.post(f"/libraries/{library.pk}/web/new/", form)
    assert answer.status_code == 400
    assert "500" in answer.content.decode()


def test_it_counts_the_pages_of_many_sources_in_one_query(alice_client: Client, library: Library) -> None:
    def queries(n: int) -> int:
        WebSource.objects.all().delete()
        for at in range(n):
            WebSource.objects.create(
                team=library.team, library=library, kind="pages", urls=[f"https://example.org/{at}"], state="idle"
            )
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert alice_client.get(f"/libraries/{library.pk}/web/?part=list").status_code == 200
        return len(captured)

    assert queries(1) == queries(12)
