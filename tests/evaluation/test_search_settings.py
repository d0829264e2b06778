"""Settings → Search: read from a form, shown in words, stored by managers, used by the next question."""

import dataclasses

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.evaluation import search_settings
from apps.libraries.models import Library
from apps.rag.options import SearchOptions, SearchSettings


def test_it_shows_every_option_or_names_it_hidden() -> None:
    options = {each.name for each in dataclasses.fields(SearchOptions)} - {"filters"}

    shown = {setting.name for setting in search_settings.SETTINGS}

    assert shown == options | {"passages", "strict"}


def test_it_reads_what_it_shows() -> None:
    settings = SearchSettings(
        SearchOptions(method="rrf", dense_weight=0.35, threshold=0.07, rerank=False), 9, is_strict=True
    )

    sent = dict(search_settings.hidden_of(settings))

    assert search_settings.parse(sent, SearchSettings()) == settings


def test_it_stores_settings_and_leaves_a_trace(ada_client: Client, library: Library) -> None:
    form = dict(search_settings.hidden_of(SearchSettings(SearchOptions(dense_weight=0.3), is_strict=True)))

    answer = ada_client.post(f"/libraries/{library.pk}/search/", form)

    library.refresh_from_db()
    assert answer.status_code == 302
    assert library.search == {"dense_weight": 0.3, "strict": True}
    assert AuditEvent.objects.filter(action="library.search-changed", target_id=str(library.pk)).count() == 1


def test_it_keeps_what_a_form_does_not_name(ada_client: Client, library: Library) -> None:
    Library.objects.filter(pk=library.pk).update(search={"strict": True, "freshness": 0.4})

    ada_client.post(f"/libraries/{library.pk}/search/", {"freshness": "10"})

    library.refresh_from_db()
    assert library.search == {"strict": True, "freshness": 0.1}


def test_it_refuses_what_is_out_of_range(ada_client: Client, library: Library) -> None:
    answer = ada_client.post(f"/libraries/{library.pk}/search/", {"passages": "31"})

    library.refresh_from_db()
    assert answer.status_code == 400
    assert "must be between 1 and 30" in answer.content.decode()
    assert library.search == {}


def test_it_says_what_saving_a_test_changes(ada_client: Client, library: Library) -> None:
    form = {"side": "b", "a-dense_weight": "10", "b-dense_weight": "80", "b-passages": "6"}

    html = ada_client.post(f"/libraries/{library.pk}/search/changes/", form).content.decode()

    assert "Weight of meaning" in html
    assert search_settings.words_of(SearchSettings(), search_settings.SETTINGS[2]) in html
    assert "80 %" in html
    assert "Passages" not in html
    assert '<input type="hidden" name="dense_weight" value="80">' in html


def test_it_goes_back_to_the_defaults(ada_client: Client, library: Library) -> None:
    Library.objects.filter(pk=library.pk).update(search={"freshness": 0.4})

    ada_client.post(f"/libraries/{library.pk}/search/reset/")

    library.refresh_from_db()
    assert library.search == {}


@pytest.mark.parametrize("path", ["search/", "search/changes/", "search/reset/"])
def test_it_lets_no_editor_change_them(ed_client: Client, library: Library, path: str) -> None:
    answer = ed_client.post(f"/libraries/{library.pk}/{path}", {"freshness": "10"})

    library.refresh_from_db()
    assert answer.status_code == 403
    assert library.search == {}
