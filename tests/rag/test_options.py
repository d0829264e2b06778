"""Search settings as a library stores them, and what several libraries agree on."""

import dataclasses
import json
import uuid
from datetime import date

import pytest

from apps.libraries.models import Library
from apps.rag.options import (
    CHOICES,
    LIMITS,
    Filters,
    SearchOptions,
    SearchSettings,
    agreed,
    as_json,
    filters_as_json,
    stored_filters,
    stored_settings,
)
from apps.rag.tools import limits_for, settings_for
from apps.rag.types import Scope

TUNED = SearchSettings(SearchOptions(method="rrf", dense_weight=0.3, rerank=False, freshness=0.2), 9, is_strict=True)


def test_it_stores_what_differs_from_the_defaults_alone() -> None:
    assert as_json(SearchSettings()) == {}
    assert as_json(TUNED) == {
        "method": "rrf", "dense_weight": 0.3, "rerank": False, "freshness": 0.2, "passages": 9, "strict": True
    }  # fmt: skip
    assert stored_settings(as_json(TUNED)) == TUNED


def test_it_knows_the_range_of_every_option() -> None:
    names = {each.name for each in dataclasses.fields(SearchOptions)} - {"filters", "rerank"}
    assert names <= {*LIMITS, *CHOICES}


@pytest.mark.parametrize(
    "stored",
    [
        {"dense_weight": 7},
        {"dense_weight": "0.5"},
        {"dense_weight": True},
        {"dense_weight": float("nan")},
        {"depth": 10.5},
        {"method": "magic"},
        {"rerank": "yes"},
        {"passages": 0},
        {"strict": "yes"},
        {"of-another-release": 1},
    ],
)
def test_it_reads_what_cannot_be_as_the_default(stored: dict[str, object]) -> None:
    assert stored_settings(stored) == SearchSettings()


def test_it_takes_of_several_libraries_what_they_agree_on() -> None:
    other = dataclasses.replace(TUNED, options=SearchOptions(method="rrf", dense_weight=0.8), is_strict=False)

    both = agreed([TUNED, other])

    assert both == SearchSettings(SearchOptions(method="rrf"), 9, is_strict=True)
    assert agreed([TUNED]) == TUNED
    assert agreed([]) == SearchSettings()
    assert agreed([TUNED, SearchSettings()]) == SearchSettings(is_strict=True)


def test_it_reads_filters_back() -> None:
    filters = Filters(("a",), ("text/plain",), ("x/y",), (uuid.uuid4(),), date(2026, 1, 2), None, ("so",), ("no",))

    assert stored_filters(filters_as_json(filters)) == filters
    assert filters_as_json(Filters()) == {}
    other = Filters(metadata=(("k", "v"),), places=("p",), preferred=("so",), also=(filters,))
    assert stored_filters(json.loads(json.dumps(filters_as_json(other)))) == other


def test_it_keeps_every_filter() -> None:
    samples = {"after": date(2026, 1, 2), "before": date(2026, 1, 3), "documents": (uuid.uuid4(),)}
    samples |= {"metadata": (("k", "v"),), "also": (Filters(tags=("t",)),)}
    for each in dataclasses.fields(Filters):
        filters = Filters(**{each.name: samples.get(each.name, ("a", "b"))})
        assert stored_filters(filters_as_json(filters)) == filters, each.name


def test_it_answers_with_the_settings_of_the_library(library: Library) -> None:
    Library.objects.filter(pk=library.pk).update(search=as_json(TUNED))

    found = settings_for(Scope.whole(library.team_id, (library.pk,)))

    assert found == TUNED
    assert limits_for(None, found.passages).passages == 9
    stranger = Scope.whole(uuid.uuid4(), (library.pk,))
    assert settings_for(stranger) == SearchSettings()  # another team's id does not open it
