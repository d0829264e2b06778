"""Sources of the web become documents, and stay what the web says."""

import gzip

import pytest

from apps.ingestion.models import WebPage, WebSource
from apps.ingestion.web import crawl, tasks
from apps.ingestion.web import services as web
from apps.libraries.models import Document, Library
from apps.libraries.services import delete_document
from apps.users.models import User
from tests.ingestion.test_jobs import broken
from tests.ingestion.web.conftest import Add, Site, html, work_off
from tests.settings_override import env

pytestmark = pytest.mark.django_db


def states(source: WebSource) -> dict[str, str]:
    """Return each path with how its visit ended."""
    pages = WebPage.objects.filter(source=source)
    return {page.url.partition("//")[2].partition("/")[2]: page.state for page in pages}


def again(source: WebSource, user: User) -> WebSource:
    web.visit_now(user=user, source=source)
    return work_off(source)


def test_it_makes_a_document_of_each_address_of_a_list(site: Site, add: Add, library: Library) -> None:
    site.put("/a", html("The Handbook &amp; more", "Beans"))
    site.put("/b.txt", "plain words", media_type="text/plain")
    source = add(f"{site.base}/a\n{site.base}/b.txt\n{site.base}/a#part")

    documents = {document.name: document for document in library.documents.all()}
    assert set(documents) == {"The Handbook & more", "b.txt"}
    assert documents["b.txt"].source_url == f"{site.base}/b.txt"
    assert documents["b.txt"].origin == "web"
    assert documents["b.txt"].folder == "127.0.0.1"
    assert (source.state, source.run) == ("idle", 1)
    assert broken() == []


def test_it_follows_links_below_the_start_as_deep_and_as_far_as_asked(site: Site, add: Add) -> None:
    site.put("/guide/", html("Start", "s", "one", "/guide/two", "/elsewhere", "http://other.test/x", "pic.png"))
    site.put("/guide/one", html("One", "1", "three", "/guide/"))
    site.put("/guide/two", html("Two", "2"))
    site.put("/guide/three", html("Three", "3", "four"))
    site.put("/guide/four", html("Four", "4"))
    source = add(f"{site.base}/guide/", kind="site", depth=2, max_pages=4)

    assert states(source) == {"guide/": "new", "guide/one": "new", "guide/two": "new", "guide/three": "new"}


def test_it_keeps_to_the_limit_of_pages(site: Site, add: Add) -> None:
    site.put("/", html("Start", "s", *(f"/{n}" for n in range(20))))
    for n in range(20):
        site.put(f"/{n}", html(f"Page {n}", f"text {n}"))
    assert len(states(add(f"{site.base}/", kind="site", depth=1, max_pages=5))) == 5


def test_it_reads_sitemaps_nested_and_packed(site: Site, add: Add) -> None:
    index = f"<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><sitemap><loc>{site.base}/m.xml.gz</loc></sitemap></sitemapindex>"
    pages = f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>{site.base}/p1</loc></url><url><loc>/p2</loc></url></urlset>"
    site.put("/sitemap.xml", index, media_type="application/xml")
    site.put("/m.xml.gz", gzip.compress(pages.encode()), media_type="application/gzip")
    site.put("/p1", html("P1", "one"))
    site.put("/p2", html("P2", "two"))
    source = add(f"{site.base}/sitemap.xml", kind="sitemap", depth=1)
    assert set(source.pages.filter(is_sitemap=False).values_list("state", flat=True)) == {"new"}
    assert source.pages.filter(is_sitemap=False).count() == 2


def test_it_refuses_a_sitemap_with_entities_case_68(site: Site, add: Add) -> None:
    bomb = '<!DOCTYPE u [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset><url><loc>&x;</loc></url></urlset>'
    site.put("/sitemap.xml", bomb, media_type="application/xml")
    source = add(f"{site.base}/sitemap.xml", kind="sitemap", depth=1)
    assert (source.state, source.error_code) == ("failed", "web-no-sitemap")


def test_it_keeps_to_robots_txt(site: Site, add: Add) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /private/\n", media_type="text/plain")
    site.put("/private/x", html("X", "secret"))
    site.put("/public", html("Public", "open"))
    source = add(f"{site.base}/private/x\n{site.base}/public")
    assert states(source) == {"private/x": "skipped", "public": "new"}
    assert "/private/x" not in site.paths()
    assert all(headers["user-agent"].startswith("ZhikuBot/") for _, headers in site.asked)


def test_it_reads_nothing_where_robots_txt_cannot_be_had(site: Site, add: Add) -> None:
    site.put("/robots.txt", "oops", status=503)
    site.put("/a", html("A", "a"))
    source = add(f"{site.base}/a")
    assert states(source) == {"a": "skipped"}
    assert (source.state, source.error_code) == ("failed", "web-robots")


def test_it_makes_a_version_only_of_a_page_whose_text_changed(site: Site, add: Add, alice: User) -> None:
    site.put("/a", html("A", "first words"), headers={"ETag": '"1"'})
    site.put("/b", html("B", "steady") + "<!-- token 1 -->")
    source = add(f"{site.base}/a\n{site.base}/b")
    site.put("/b", html("B", "steady") + "<!-- token 2 -->")
    again(source, alice)
    assert states(source) == {"a": "same", "b": "same"}

    site.put("/a", html("A", "other words"), headers={"ETag": '"2"'})
    again(source, alice)
    assert states(source) == {"a": "changed", "b": "same"}
    page = source.pages.get(url__endswith="/a")
    assert page.document is not None
    assert [version.number for version in page.document.versions.order_by("number")] == [1, 2]
    assert page.document.versions.count() == 2
    assert broken() == []


def test_it_leaves_a_page_that_is_gone_out_of_the_search_until_it_is_back(site: Site, add: Add, alice: User) -> None:
    site.put("/a", html("A", "words"))
    site.put("/b", html("B", "other"))
    source = add(f"{site.base}/a\n{site.base}/b")
    document = Document.objects.get(name="A")
    del site.answers["/a"]
    again(source, alice)
    document.refresh_from_db()
    assert (states(source)["a"], document.is_enabled) == ("gone", False)

    site.put("/a", html("A", "words"))
    again(source, alice)
    document.refresh_from_db()
    assert (states(source)["a"], document.is_enabled) == ("same", True)


def test_it_does_not_bring_back_what_somebody_deleted(site: Site, add: Add, alice: User) -> None:
    site.put("/a", html("A", "words"))
    source = add(f"{site.base}/a")
    delete_document(user=alice, document=Document.objects.get(name="A"))
    site.put("/a", html("A", "new words"))
    again(source, alice)
    assert states(source) == {"a": "skipped"}
    assert Document.objects.filter(deleted_at=None).count() == 0


def test_it_says_why_a_page_failed(site: Site, add: Add) -> None:
    site.put("/broken", "no", status=500)
    site.put("/empty", "")
    site.put("/program", b"MZ\x90\x00" + b"\0" * 200, media_type="application/octet-stream")
    source = add(f"{site.base}/broken\n{site.base}/empty\n{site.base}/program")
    codes = dict(source.pages.values_list("url", "error_code"))
    assert codes[f"{site.base}/broken"] == "web-status"
    assert codes[f"{site.base}/empty"] == "web-empty"
    assert codes[f"{site.base}/program"]
    assert source.state == "failed"
    assert not Document.objects.exists()


def test_it_goes_on_after_a_worker_died(site: Site, add: Add, alice: User, library: Library) -> None:
    for n in range(3):
        site.put(f"/{n}", html(f"P{n}", f"text {n}"))
    plan = web.Plan(kind="pages", urls="\n".join(f"{site.base}/{n}" for n in range(3)))
    source = web.add_source(user=alice, library=library, plan=plan)
    held = crawl.claim(source.pk)
    assert held is not None
    crawl.visit_next(held)
    WebSource.objects.filter(pk=source.pk).update(lease_until="2000-01-01T00:00:00Z")  # its worker was killed

    assert crawl.wake() == [source.pk]
    with pytest.raises(crawl.Lost):
        crawl.visit_next(held)  # the dead worker's visit is fenced off
    work_off(source)
    assert states(source) == {"0": "new", "1": "new", "2": "new"}
    assert Document.objects.count() == 3


def test_it_stops_before_the_next_page(site: Site, add: Add, alice: User, library: Library) -> None:
    site.put("/0", html("P", "t"))
    site.put("/1", html("Q", "u"))
    source = web.add_source(
        user=alice, library=library, plan=web.Plan(kind="pages", urls=f"{site.base}/0 {site.base}/1")
    )
    held = crawl.claim(source.pk)
    assert held is not None
    crawl.visit_next(held)
    web.stop_visit(user=alice, source=source)
    crawl.release(held)
    work_off(source)
    assert (source.state, states(source)) == ("idle", {"0": "new"})


def test_it_begins_what_is_due(site: Site, add: Add) -> None:
    site.put("/a", html("A", "words"))
    source = add(f"{site.base}/a", every_hours=24)
    assert source.next_at is not None
    assert crawl.wake() == []
    WebSource.objects.update(next_at="2000-01-01T00:00:00Z")
    tasks.poll_sources()
    source.refresh_from_db()
    assert (source.state, source.run) == ("queued", 2)


def test_it_reaches_no_internal_address_at_run_cases_57_and_61(site: Site, add: Add) -> None:
    site.put("/out", status=302, headers={"Location": "http://127.0.0.1:1/latest/meta-data"})
    site.put("/meta", html("M", "m", "http://169.254.169.254/latest"))
    source = add(f"{site.base}/out\n{site.base}/meta")
    page = source.pages.get(url__endswith="/out")
    assert (page.state, page.error_code) == ("failed", "url-refused")
    with env(internal_hosts=""):
        again_states = add(f"{site.base.replace('127.0.0.1', 'localtest.invalid').rsplit(':', 1)[0]}/x")
    assert again_states.state == "failed"
