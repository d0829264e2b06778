"""Pages of libraries and documents: what they show, to whom, and at what cost."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.libraries.models import Chunk, Document, Library
from apps.users.models import Team, User
from tests import factories

CREATE = reverse("libraries:create")


def page(name: str, *args: Any) -> str:
    return reverse(f"libraries:{name}", args=args)


def test_it_lists_the_teams_libraries_with_their_numbers(ann_client: Client, library: Library, t2: Team) -> None:
    for size in (1_000, 2_000):
        document = factories.DocumentFactory(library=library, content=b"x" * size)
        document.versions.update(chunk_count=7)
    factories.DocumentFactory(library=library, deleted_at="2024-01-01T00:00Z")
    factories.LibraryFactory(team=t2, name="Foreign")

    body = ann_client.get(page("list")).content.decode()

    assert library.name in body
    assert "2 documents" in body
    assert "14 passages" in body
    assert "2.9 KB" in body
    assert "Foreign" not in body


class CountQueries:
    """Counts the queries of a block."""

    def __enter__(self) -> "CountQueries":
        self._context = CaptureQueriesContext(connection)
        self._context.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        self._context.__exit__(*args)
        self.count = len(self._context)


def test_it_lists_any_number_of_libraries_with_the_same_queries(alice_client: Client, t1: Team) -> None:
    factories.LibraryFactory(team=t1)
    alice_client.get(page("list"))
    with CountQueries() as few:
        alice_client.get(page("list"))
    for _ in range(10):
        factories.DocumentFactory(library=factories.LibraryFactory(team=t1))
    with CountQueries() as many:
        alice_client.get(page("list"))

    assert many.count == few.count <= 12


def test_it_lists_any_number_of_documents_with_the_same_queries(
    alice_client: Client, library: Library, alice: User
) -> None:
    factories.DocumentFactory(library=library, uploaded_by=alice, status="running")
    alice_client.get(page("library", library.pk))
    with CountQueries() as few:
        alice_client.get(page("library", library.pk))
    for _ in range(20):
        factories.DocumentFactory(library=library, uploaded_by=alice, status="running")
    with CountQueries() as many:
        alice_client.get(page("library", library.pk))

    assert many.count == few.count <= 31  # by rights of one's own, and by what is left of the limits


def test_it_asks_again_only_while_something_is_unsettled(alice_client: Client, library: Library) -> None:
    document = factories.DocumentFactory(
        library=library, status="running", stage="read", progress_done=12, progress_total=80
    )

    body = alice_client.get(page("library", library.pk)).content.decode()
    assert "Reading 12 of 80 pages" in body
    assert "every 2s" in body

    Document.objects.update(status="ready")
    again = alice_client.get(page("progress", library.pk), {"id": [str(document.pk), "nonsense"]}).content.decode()
    assert "every 2s" not in again
    assert f'id="document-{document.pk}"' in again
    assert "hx-swap-oob" in again


def test_it_tells_in_the_readers_language_why_a_document_failed(alice_client: Client, library: Library) -> None:
    factories.DocumentFactory(
        library=library, status="failed", error_code="too-many-pages", error_params={"pages": 9, "limit": 3}
    )
    factories.DocumentFactory(library=library, status="failed", error_code="of-another-release", error_params={"x": 1})

    body = alice_client.get(page("library", library.pk)).content.decode()

    assert "It has 9 pages; 3 are allowed." in body
    assert "of-another-release" in body


def test_it_shows_controls_by_role(
    ann_client: Client, ed_client: Client, ada_client: Client, document: Document
) -> None:
    address = page("library", document.library_id)
    viewer, editor, admin = (client.get(address).content.decode() for client in (ann_client, ed_client, ada_client))

    assert "<kb-dropzone" not in viewer
    assert page("document-delete", document.pk) not in viewer
    assert "<kb-dropzone" in editor
    assert page("settings", document.library_id) not in editor
    assert page("settings", document.library_id) in admin


@pytest.mark.parametrize(
    ("who", "status"), [("ann_client", 403), ("ed_client", 302), ("alice_client", 302), ("anonymous_client", 302)]
)
def test_it_lets_editors_create_libraries(who: str, status: int, request: pytest.FixtureRequest, t1: Team) -> None:
    client: Client = request.getfixturevalue(who)

    assert client.post(CREATE, {"name": "New", "team": "ignored", "id": "ignored"}).status_code == status
    made = Library.objects.filter(name="New", team=t1).count()
    assert made == (1 if status == 302 and who != "anonymous_client" else 0)


def test_it_says_when_a_name_is_taken(ed_client: Client, library: Library) -> None:
    answer = ed_client.post(CREATE, {"name": library.name}, headers={"HX-Request": "true"})

    assert answer.status_code == 422
    assert "already" in answer.content.decode()


def test_it_renames_and_describes(ada_client: Client, library: Library) -> None:
    ada_client.post(page("settings", library.pk), {"name": "Other", "description": "What\nbelongs here"})

    library.refresh_from_db()
    assert (library.name, library.description) == ("Other", "What belongs here")
    assert AuditEvent.objects.filter(action="library.renamed").exists()


@pytest.mark.parametrize(("who", "status"), [("ann_client", 403), ("ed_client", 403), ("ada_client", 200)])
def test_it_keeps_settings_for_admins(who: str, status: int, request: pytest.FixtureRequest, library: Library) -> None:
    assert request.getfixturevalue(who).get(page("settings", library.pk)).status_code == status


def test_it_deletes_a_library_only_by_its_typed_name(ada_client: Client, ed_client: Client, document: Document) -> None:
    library = document.library
    address = page("delete", library.pk)

    assert ed_client.post(address, {"typed_name": library.name}).status_code == 403
    assert ada_client.post(address, {"typed_name": "another"}).status_code == 400
    assert ada_client.post(address, {"typed_name": library.name}).status_code == 302

    assert ada_client.get(page("library", library.pk)).status_code == 404
    assert ada_client.get(page("document", document.pk)).status_code == 404
    assert Document.objects.filter(pk=document.pk).exists()  # until the purge


def test_it_deletes_a_document_and_offers_an_undo(ed_client: Client, document: Document) -> None:
    answer = ed_client.post(page("document-delete", document.pk))
    note = json.loads(answer["HX-Trigger"])["kb:toast"]
    assert ed_client.get(page("document", document.pk)).status_code == 404
    assert not Document.objects.readable_by(document.uploaded_by).exists()

    assert ed_client.post(note["undo"]).status_code == 200

    assert ed_client.get(page("document", document.pk)).status_code == 200
    assert {"document.deleted", "document.restored"} <= set(AuditEvent.objects.values_list("action", flat=True))


def test_it_offers_the_undo_on_the_librarys_page_too(ed_client: Client, document: Document) -> None:
    answer = ed_client.post(page("document-delete", document.pk) + "?leave=1")

    assert page("document-restore", document.pk) in ed_client.get(answer["HX-Redirect"]).content.decode()


def test_it_never_serves_a_document_as_a_page(alice_client: Client, library: Library) -> None:
    content = b"<!doctype html><script>alert(document.cookie)</script>"
    document = factories.DocumentFactory(
        library=library, name='e"vil\r\nX: y.html', content=content, media_type="text/html"
    )

    for query in ("", "?inline=1"):
        answer = alice_client.get(page("document-file", document.pk) + query)
        assert b"".join(answer.streaming_content) == content
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "X" not in answer.headers


def test_it_shows_a_pdf_inline_for_the_viewer_only(alice_client: Client, library: Library) -> None:
    document = factories.DocumentFactory(
        library=library, name="制度.pdf", content=b"%PDF-1.7", media_type="application/pdf"
    )

    inline = alice_client.get(page("document-file", document.pk) + "?inline=1")
    download = alice_client.get(page("document-file", document.pk))

    assert (inline["Content-Type"], download["Content-Type"]) == ("application/pdf", "application/octet-stream")
    assert inline["Content-Disposition"].startswith("inline")
    assert "filename*=utf-8''%E5%88%B6%E5%BA%A6.pdf" in download["Content-Disposition"]
    for answer in (inline, download):
        b"".join(answer.streaming_content)


def test_it_opens_a_document_at_a_passage(alice_client: Client, read_document: Document) -> None:
    chunk = Chunk.objects.get(ordinal=1)

    body = alice_client.get(page("document", read_document.pk), {"chunk": str(chunk.pk)}).content.decode()

    assert f'data-chosen="{chunk.pk}"' in body
    assert "<mark>CANARY-T1 first paragraph.</mark>" in body
    assert "<script>alert" not in body
    assert "<img src=x" not in body
    assert "<td>1</td>" in body


def test_it_returns_the_text_around_a_passage(alice_client: Client, read_document: Document) -> None:
    chunk = Chunk.objects.get(ordinal=3)

    body = alice_client.get(page("document-text", read_document.pk), {"chunk": str(chunk.pk)}).content.decode()

    assert "<mark>Last paragraph with 汉字。</mark>" in body
    assert "<html" not in body


def test_it_knows_no_passage_of_another_document(
    alice_client: Client, read_document: Document, library: Library
) -> None:
    other = factories.ChunkFactory(document=factories.DocumentFactory(library=library))

    for chunk in (str(other.pk), "nonsense"):
        assert alice_client.get(page("document", read_document.pk), {"chunk": chunk}).status_code == 404


def test_it_shows_fifty_passages_at_a_time(alice_client: Client, document: Document) -> None:
    version = document.current_version
    assert version is not None
    for ordinal in range(205):
        factories.ChunkFactory(document=document, ordinal=ordinal, text=f"Passage number {ordinal}.")
    version.chunk_count = 205
    version.save()
    late = Chunk.objects.get(ordinal=203)

    first = alice_client.get(page("document", document.pk)).content.decode()
    last = alice_client.get(page("document", document.pk), {"chunk": str(late.pk)}).content.decode()

    assert first.count('class="chunk"') == 50
    assert "Passage number 203." in last
    assert alice_client.get(page("document", document.pk), {"part": "x"}).status_code == 200


GATED = [
    pytest.param("GET", "libraries:library", "library", id="library"),
    pytest.param("GET", "libraries:rows", "library", id="rows"),
    pytest.param("GET", "libraries:progress", "library", id="progress"),
    pytest.param("GET", "libraries:settings", "library", id="settings"),
    pytest.param("POST", "libraries:settings", "library", id="rename"),
    pytest.param("POST", "libraries:delete", "library", id="delete-library"),
    pytest.param("POST", "ingestion:upload", "library", id="upload"),
    pytest.param("GET", "libraries:document", "document", id="document"),
    pytest.param("GET", "libraries:document-text", "document", id="text"),
    pytest.param("GET", "libraries:document-file", "document", id="file"),
    pytest.param("POST", "libraries:document-delete", "document", id="delete"),
    pytest.param("POST", "libraries:document-restore", "document", id="restore"),
    pytest.param("POST", "ingestion:retry", "document", id="retry"),
    pytest.param("POST", "ingestion:cancel", "document", id="cancel"),
]


@pytest.mark.parametrize(("verb", "name", "kind"), GATED)
@pytest.mark.parametrize("who", ["bob_client", "xen_client"])
def test_it_refuses_a_stranger_as_if_nothing_were_there(
    who: str, verb: str, name: str, kind: str, request: pytest.FixtureRequest, document: Document
) -> None:
    client: Client = request.getfixturevalue(who)
    ids = {"library": document.library_id, "document": document.pk}

    real = client.generic(verb, reverse(name, args=[ids[kind]]))
    random = client.generic(verb, reverse(name, args=["00000000-0000-4000-8000-000000000000"]))

    assert real.status_code == random.status_code == 404
    assert real.content == random.content
    assert "CANARY" not in real.content.decode()


@pytest.mark.parametrize(("verb", "name", "kind"), GATED)
def test_it_sends_the_anonymous_to_sign_in(
    verb: str, name: str, kind: str, anonymous_client: Client, document: Document
) -> None:
    ids = {"library": document.library_id, "document": document.pk}

    answer = anonymous_client.generic(verb, reverse(name, args=[ids[kind]]))

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize(("verb", "name", "kind"), [param for param in GATED if param.values[0] == "POST"])
def test_it_refuses_a_viewer_every_change(
    verb: str, name: str, kind: str, ann_client: Client, document: Document
) -> None:
    ids = {"library": document.library_id, "document": document.pk}

    assert ann_client.generic(verb, reverse(name, args=[ids[kind]])).status_code == 403
