"""The document page: cards, boxes, the strip of pages, figures; what it shows, to whom, and at what cost."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.libraries.chunks import PART_CHUNKS
from apps.libraries.editing import stamp_of
from apps.libraries.models import Chunk, ChunkEdit, Document, PageReading
from apps.libraries.page_strip import MAX_PAGES, quality_of, strip_of
from apps.users.models import User
from tests import factories

HX = {"hx-request": "true"}


def page(name: str, *args: Any) -> str:
    return reverse(f"libraries:{name}", args=args)


def body(client: Client, address: str, **query: str) -> str:
    answer = client.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


def events(answer: Any) -> dict[str, Any]:
    return dict(json.loads(answer["HX-Trigger"]))


@pytest.fixture
def chunks(read_document: Document) -> list[Chunk]:
    """Return the four passages of t1's document."""
    return list(Chunk.objects.filter(document=read_document).order_by("ordinal"))


def test_it_shows_each_passage_as_a_card(ann_client: Client, chunks: list[Chunk]) -> None:
    Chunk.objects.filter(pk=chunks[1].pk).update(
        page_from=4, page_to=5, is_edited=True, keywords=["steam"], questions=["When <b>?"], heading_path=["A", "B"]
    )
    Chunk.objects.filter(pk=chunks[3].pk).update(is_enabled=False, is_manual=True, is_pending=True)

    html = body(ann_client, page("document", chunks[0].document_id))

    assert "pages 4–5" in html
    assert "26 characters" in html
    assert "A › B" in html
    assert "steam" in html
    assert "When &lt;b&gt;?" in html
    assert html.count("edited</span>") == 1
    assert html.count("by hand</span>") == 1
    assert "<script>alert(1)" not in html
    assert "<img src=x" not in html
    assert html.count("data-disabled") == 1
    assert "load delay:2s" in html  # the one that is being indexed asks for itself again


def test_it_shows_a_viewer_no_way_to_change_passages(
    ann_client: Client, ed_client: Client, chunks: list[Chunk]
) -> None:
    for address in (page("document", chunks[0].document_id), page("chunks", chunks[0].document_id)):
        seen, changed = body(ann_client, address), body(ed_client, address)
        assert 'role="switch"' in changed
        assert 'role="switch"' not in seen
        assert 'data-act="add"' in changed
        assert 'data-act="add"' not in seen


def test_it_shows_any_number_of_passages_with_the_same_queries(ed_client: Client, read_document: Document) -> None:
    address = page("document", read_document.pk)
    body(ed_client, address)
    with CaptureQueriesContext(connection) as few:
        body(ed_client, address)
    for _ in range(40):
        factories.ChunkFactory(document=read_document, keywords=["k"])
    with CaptureQueriesContext(connection) as many:
        body(ed_client, address)

    assert len(many) == len(few) <= 24


def test_it_counts_how_often_a_passage_was_cited(ann_client: Client, chunks: list[Chunk]) -> None:
    answer = factories.AnswerFactory()
    factories.CitationFactory(message=answer, chunk=chunks[0], number=1)
    factories.CitationFactory(message=answer, chunk=chunks[0], number=2)
    factories.CitationFactory(message=answer, chunk=chunks[1], number=3)

    html = body(ann_client, page("chunks", chunks[0].document_id))

    assert html.count("cited 2 times") == html.count("cited once") == 1


def test_it_finds_the_part_by_passage_page_and_filter(ann_client: Client, document: Document) -> None:
    made = [
        factories.ChunkFactory(document=document, text=f"Passage {n}.", page_from=n, page_to=n) for n in range(1, 251)
    ]
    document.current_version.chunk_count = 250
    document.current_version.save()
    Chunk.objects.filter(pk=made[200].pk).update(is_enabled=False, is_edited=True)
    address = page("chunks", document.pk)

    assert f"chunk-{made[150].pk}" in body(ann_client, address, chunk=str(made[150].pk))
    assert f"chunk-{made[249].pk}" in body(ann_client, address, page="250")
    assert "2 / 5" in body(ann_client, address, part="2")
    assert "5 / 5" in body(ann_client, address, part="99999")
    disabled = body(ann_client, address, show="disabled")
    assert disabled.count("<article") == 1
    assert f"chunk-{made[200].pk}" in disabled
    assert body(ann_client, address, q="passage 7").count("<article") == 11
    assert "No passage is like that." in body(ann_client, address, q="\x00nothing of the sort")
    assert body(ann_client, address, show="nonsense", part="x", page="-1").count("<article") == PART_CHUNKS


def test_it_shows_another_documents_passage_to_nobody(ann_client: Client, document: Document, library: Any) -> None:
    other = factories.ChunkFactory(document=factories.DocumentFactory(library=library))

    for wrong in (str(other.pk), str(uuid4()), "1 OR 1=1"):
        assert ann_client.get(page("document", document.pk), {"chunk": wrong}).status_code == 404


def test_it_saves_an_edit_and_shows_the_card(ed_client: Client, chunks: list[Chunk], ed: User) -> None:
    chunk = chunks[1]
    form = body(ed_client, page("chunk-edit", chunk.pk))
    assert "CANARY-T1 first paragraph." in form
    assert stamp_of(chunk) in form

    answer = ed_client.post(
        page("chunk-edit", chunk.pk),
        {"text": "New\r\ntext", "keywords": "a， b;c、a", "questions": "Why?\r\n\r\nHow?", "stamp": stamp_of(chunk)},
    )

    chunk.refresh_from_db()
    assert (chunk.text, chunk.keywords, chunk.questions) == ("New\ntext", ["a", "b", "c"], ["Why?", "How?"])
    assert f'id="chunk-{chunk.pk}"' in answer.content.decode()
    assert ChunkEdit.objects.get().made_by == ed


def test_it_tells_that_somebody_was_quicker(ed_client: Client, chunks: list[Chunk]) -> None:
    answer = ed_client.post(page("chunk-edit", chunks[1].pk), {"text": "Mine", "stamp": "0" * 16}, headers=HX)

    assert answer.status_code == 409
    assert "Your text is still in the field" in answer.content.decode()
    assert ed_client.post(page("chunk-edit", chunks[1].pk), {"text": " "}).status_code == 400


def test_it_switches_splits_merges_and_deletes_by_buttons(ed_client: Client, chunks: list[Chunk]) -> None:
    first, second = chunks[:2]
    ed_client.post(page("chunk-enabled", first.pk))
    assert not Chunk.objects.get(pk=first.pk).is_enabled
    ed_client.post(page("chunk-enabled", first.pk), {"is_enabled": "on"})
    assert Chunk.objects.get(pk=first.pk).is_enabled

    split = ed_client.post(page("chunk-split", second.pk), {"text": "汉字 One. Two.", "at": "8"})
    assert (split.status_code, Chunk.objects.get(pk=second.pk).text) == (204, "汉字 One.")
    born = Chunk.objects.get(text="Two.")
    assert events(split)["kb:chunks"]["chosen"] == str(born.pk)

    merged = ed_client.post(page("chunk-merge", second.pk))
    assert not Chunk.objects.filter(pk=born.pk).exists()
    ed_client.post(events(merged)["kb:toast"]["undo"])
    assert Chunk.objects.filter(pk=born.pk).exists()

    deleted = ed_client.post(page("chunk-delete", first.pk))
    assert not Chunk.objects.filter(pk=first.pk).exists()
    ed_client.post(events(deleted)["kb:toast"]["undo"])
    assert Chunk.objects.filter(pk=first.pk).exists()
    assert ed_client.post(events(deleted)["kb:toast"]["undo"]).status_code == 409


@pytest.mark.parametrize("at", ["", "-1", "x", "9" * 40, "0"])
def test_it_takes_no_nonsense_for_a_caret(at: str, ed_client: Client, chunks: list[Chunk]) -> None:
    answer = ed_client.post(page("chunk-split", chunks[1].pk), {"text": "One. Two.", "at": at})

    assert answer.status_code == 400
    assert Chunk.objects.filter(document=chunks[0].document_id).count() == 4


def test_it_adds_a_passage_where_it_was_asked_for(ed_client: Client, chunks: list[Chunk]) -> None:
    address = page("chunk-add", chunks[0].document_id)
    assert f'name="after" value="{chunks[1].pk}"' in body(ed_client, address, after=str(chunks[1].pk))

    ed_client.post(address, {"after": str(chunks[1].pk), "text": "Mine."})

    assert Chunk.objects.get(text="Mine.").ordinal == 2
    for wrong in (str(uuid4()), "x"):
        assert ed_client.post(address, {"after": wrong, "text": "Lost."}).status_code == 404


def test_it_undoes_no_change_of_another_document(ed_client: Client, chunks: list[Chunk], library: Any) -> None:
    ed_client.post(page("chunk-edit", chunks[1].pk), {"text": "Changed."})
    other = factories.DocumentFactory(library=library)

    answer = ed_client.post(page("chunk-undo", other.pk, ChunkEdit.objects.get().pk))

    assert answer.status_code == 404
    assert Chunk.objects.get(pk=chunks[1].pk).text == "Changed."


def test_it_shows_the_history_with_the_words_that_changed(
    ann_client: Client, ed_client: Client, chunks: list[Chunk]
) -> None:
    ed_client.post(page("chunk-edit", chunks[1].pk), {"text": "CANARY-T1 last paragraph <b>.", "keywords": "steam"})

    html = body(ann_client, page("chunk-history", chunks[1].pk))

    assert "<del>first</del>" in html
    assert "<ins>last</ins>" in html
    assert "&lt;b&gt;" in html
    assert "<ins>steam</ins>" in html
    assert "Restore what was before" not in html  # a viewer
    assert "Restore what was before" in body(ed_client, page("chunk-history", chunks[1].pk))


def test_it_serves_a_figure_that_no_browser_runs(ann_client: Client, chunks: list[Chunk]) -> None:
    """security-cases 46 and 49: a picture of a document is a picture and nothing else."""
    figure = factories.FigureFactory(version=chunks[0].version, content=b"\x89PNG<script>alert(1)</script>")

    answer = ann_client.get(page("figure", chunks[0].document_id, figure.pk))

    assert answer.content.startswith(b"\x89PNG")
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["Cache-Control"] == "private, max-age=3600"


def test_it_serves_no_figure_of_another_document_or_kind(ann_client: Client, chunks: list[Chunk], library: Any) -> None:
    other = factories.FigureFactory()
    svg = factories.FigureFactory(version=chunks[0].version, media_type="image/svg+xml")
    lost = factories.FigureFactory(version=chunks[0].version)
    default_storage.delete(lost.file.name)

    for figure in (other, svg, lost):
        assert ann_client.get(page("figure", chunks[0].document_id, figure.pk)).status_code == 404
    assert ann_client.get(page("figure", other.version.document_id, other.pk)).status_code == 404


def test_it_shows_a_figure_in_the_passage_where_it_stands(ann_client: Client, chunks: list[Chunk]) -> None:
    here = factories.FigureFactory(version=chunks[0].version, char_at=chunks[1].char_from + 3, caption="A <plot>")
    whole = factories.FigureFactory(version=chunks[0].version, char_at=0, page=1, box=[0, 0, 1, 1])

    html = body(ann_client, page("chunks", chunks[0].document_id))

    assert str(here.pk) in html.split(f"chunk-{chunks[1].pk}")[1].split("</article>")[0]
    assert "A &lt;plot&gt;" in html
    assert str(whole.pk) not in html  # it is the page


def test_it_shows_a_document_of_pictures_as_pages(ann_client: Client, chunks: list[Chunk]) -> None:
    document = chunks[0].document
    Document.objects.filter(pk=document.pk).update(media_type="image/tiff")
    document.current_version.pages = 1
    document.current_version.save()
    picture = factories.FigureFactory(version=chunks[0].version, page=1, box=[0.0, 0.0, 1.0, 1.0])

    html = body(ann_client, page("document", document.pk))

    assert "<kb-pages" in html
    assert page("figure", document.pk, picture.pk) in html


@pytest.mark.parametrize(
    ("method", "confidence", "quality"),
    [
        ("text", None, "good"),
        ("ocr", 0.95, "good"),
        ("ocr", 0.8, "fair"),
        ("ocr", 0.3, "poor"),
        ("ocr", None, "unknown"),
        ("empty", None, "empty"),
        ("failed", 0.9, "failed"),
    ],
)
def test_it_judges_how_well_a_page_was_read(method: str, confidence: float | None, quality: str) -> None:
    assert quality_of(method, confidence) == quality


def test_it_shows_how_well_each_page_was_read(ed_client: Client, chunks: list[Chunk]) -> None:
    version = chunks[0].version
    version.pages = 4
    version.save()
    for number, method, confidence in ((1, "text", None), (2, "ocr", 0.42), (3, "failed", None)):
        PageReading.objects.create(
            version=version, page=number, method=method, confidence=confidence, characters=900, rotation=90
        )

    html = body(ed_client, page("document", version.document_id))

    assert "Page 1: text, 900 characters" in html
    assert "Page 2: recognised, 42 % sure, 900 characters, turned by 90°" in html
    assert "Page 3: not read" in html
    assert "Page 4: read" in html
    assert 'data-bad-pages="2,3,"' in html
    assert strip_of(version).bad == 2


def test_it_shows_only_the_worst_pages_of_a_very_long_document(document: Document) -> None:
    version = document.current_version
    version.pages = MAX_PAGES + 500
    PageReading.objects.create(version=version, page=MAX_PAGES + 400, method="failed")

    strip = strip_of(version)

    assert (len(strip.pages), strip.is_cut, strip.pages[-1].number) == (MAX_PAGES, True, MAX_PAGES + 400)


def test_it_asks_for_the_state_only_while_the_document_is_read(ann_client: Client, document: Document) -> None:
    Document.objects.update(status="running", stage="read", progress_done=1, progress_total=9)
    waiting = ann_client.get(page("document-state", document.pk))
    assert "every 2s" in waiting.content.decode()
    assert "HX-Trigger" not in waiting

    Document.objects.update(status="ready")
    settled = ann_client.get(page("document-state", document.pk), {"waiting": "1"})
    assert "every 2s" not in settled.content.decode()
    assert settled["HX-Trigger"] == "kb:document-settled"
    assert "HX-Trigger" not in ann_client.get(page("document-state", document.pk))


def test_it_tells_the_facts_of_a_document(ann_client: Client, chunks: list[Chunk]) -> None:
    document, version = chunks[0].document, chunks[0].version
    version.facts = {"author": "Ada <i>", "parts": 3, "subject": ""}
    version.attachments = [{"name": "virus.exe", "size": 9, "reason": "unknown-code"}]
    version.save()
    child = factories.DocumentFactory(library=document.library, parent=document, origin="part", name="inner.txt")

    html = body(ann_client, page("document-facts", document.pk))

    assert "Ada &lt;i&gt;" in html
    assert "virus.exe" in html
    assert page("document", child.pk) in html
    assert document.sha256 in html
    assert "Subject" not in html


def test_it_lists_the_parts_of_a_mere_container(ann_client: Client, document: Document, library: Any) -> None:
    child = factories.DocumentFactory(library=library, parent=document, origin="part", name="inner.txt", folder="a/b")

    html = body(ann_client, page("document", document.pk))

    assert page("document", child.pk) in html
    assert "a/b" in html
    assert page("document", document.pk) in body(ann_client, page("document", child.pk))  # the way back
