"""The page of a library's words: drafts, files, what cannot be used, and who may."""

import time
from typing import Any
from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.audit.models import AuditEvent
from apps.libraries import lexicons, tasks, word_changes
from apps.libraries.models import Lexicon, Library
from apps.libraries.wording import Wording
from tests.rag.corpus import fill


@pytest.fixture
def page(library: Library) -> str:
    return f"/libraries/{library.pk}/words/"


@pytest.fixture(autouse=True)
def bells(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Hear the bells instead of ringing them."""
    rung: list[Any] = []
    monkeypatch.setattr(tasks.apply_words, "apply_async", lambda *args, **_: rung.append(args))
    return rung


def save(client: Client, page: str, words: str = "", synonyms: str = "", **more: Any) -> Any:
    return client.post(page, {"words": words, "synonyms": synonyms, **more})


def test_an_editor_keeps_a_draft_that_changes_nothing_yet(ed_client: Client, library: Library, page: str) -> None:
    assert save(ed_client, page, "云雀平台\n云雀平台", "退货 = 退款").status_code == 302

    row = Lexicon.objects.get(library=library)
    assert row.draft == {"words": ["云雀平台"], "synonyms": [["退货", "退款"]]}
    assert row.digest == ""
    html = ed_client.get(page).content.decode()
    assert "<ins>云雀平台</ins>" in html
    assert "Draft, not applied" in html


def test_lines_that_cannot_be_used_are_named_and_nothing_is_lost(
    ed_client: Client, library: Library, page: str
) -> None:
    response = save(ed_client, page, "fine words\n<script>\n!!!", "alone")

    html = response.content.decode()
    assert response.status_code == 422
    assert 'data-code="no-letters"' in html
    assert 'data-code="one-term"' in html
    assert "fine words\n&lt;script&gt;" in html  # what was typed is still there, escaped
    assert not Lexicon.objects.filter(library=library).exists()


@pytest.mark.parametrize(
    "data", ["云雀平台\n".encode("utf-8-sig"), "云雀平台\n".encode("gb18030"), "云雀平台\n".encode("utf-16")]
)
def test_the_lines_of_a_file_are_added(ed_client: Client, library: Library, page: str, data: bytes) -> None:
    save(ed_client, page, "first words", words_file=SimpleUploadedFile("words.txt", data))

    row = Lexicon.objects.get(library=library)
    assert row.draft is not None
    assert row.draft["words"] == ["first words", "云雀平台"]


def test_what_was_exported_can_be_imported(ed_client: Client, library: Library, page: str) -> None:
    save(ed_client, page, "云雀平台\nservice level", "退货 = 退款 = return")

    words = ed_client.get(page + "words.txt")
    synonyms = ed_client.get(page + "synonyms.txt")

    assert words.content.decode() == "云雀平台\nservice level\n"
    assert synonyms.content.decode() == "退货 = 退款 = return\n"
    assert words["Content-Type"].startswith("text/plain")
    assert "attachment" in words["Content-Disposition"]


def test_a_list_without_end_is_refused(ed_client: Client, page: str) -> None:
    with mock.patch("apps.libraries.views.words.MAX_CHARS", 100):
        response = save(ed_client, page, "word\n" * 100)

    assert response.status_code == 413
    assert "up to 100 characters" in response.content.decode()


def test_applying_rings_a_worker_and_shows_how_far_it_is(
    ed_client: Client, library: Library, page: str, bells: list[Any]
) -> None:
    fill(library, ["云雀平台上线。"])
    save(ed_client, page, "云雀平台")

    assert ed_client.post(page + "apply/").status_code == 302

    assert bells
    assert "0 of 1 passages" in ed_client.get(page + "state/").content.decode()
    assert save(ed_client, page, "other words").status_code == 409
    tasks.apply_words(str(library.pk))
    lexicons.forget(library.pk)
    assert ed_client.get(page + "state/")["HX-Refresh"] == "true"
    assert lexicons.wordings_of([library.pk]) == [Wording(("云雀平台",))]
    assert AuditEvent.objects.filter(action="library.words-changed").count() == 1


def test_without_a_draft_there_is_nothing_to_apply(ed_client: Client, page: str) -> None:
    assert ed_client.post(page + "apply/").status_code == 409
    assert ed_client.post(page + "undo/").status_code == 409


def test_saving_what_is_applied_is_no_draft(ed_client: Client, library: Library, page: str) -> None:
    save(ed_client, page, "", "退货 = 退款")
    ed_client.post(page + "apply/")
    save(ed_client, page, "", "退货 = 退款")

    row = Lexicon.objects.get(library=library)
    assert row.draft is None
    assert row.synonyms == [["退货", "退款"]]


def test_the_poller_rings_for_what_was_forgotten(
    ed_client: Client, library: Library, page: str, bells: list[Any]
) -> None:
    fill(library, ["云雀平台上线。"])
    save(ed_client, page, "云雀平台")
    ed_client.post(page + "apply/")
    bells.clear()

    tasks.poll_words()
    assert len(bells) == 1
    word_changes.work(library.pk, until=time.monotonic() + 60)
    tasks.poll_words()
    assert len(bells) == 1


def test_a_viewer_and_a_stranger_see_nothing(ann_client: Client, bob_client: Client, page: str) -> None:
    assert ann_client.get(page).status_code == 403
    assert bob_client.get(page).status_code == 404


def test_an_editor_gets_there_by_the_tabs(ed_client: Client, library: Library, page: str) -> None:
    assert page in ed_client.get(f"/libraries/{library.pk}/").content.decode()
