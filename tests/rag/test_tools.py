"""What answers are made with: the settings of the libraries that are searched."""

from unittest import mock

import pytest

from apps.catalog.models import AIModel
from apps.libraries.models import Library
from apps.rag import tools
from apps.rag.options import Filters, SearchOptions, SearchSettings, as_json
from apps.rag.types import Scope

SAVED = SearchSettings(SearchOptions(dense_weight=0.2, diversity=0.5), 3, is_strict=True)


@pytest.fixture
def found() -> object:
    with mock.patch.object(tools, "search") as search:
        yield search


def test_it_searches_for_an_answer_as_the_library_says(
    library: Library, embedding_model: AIModel, found: mock.Mock
) -> None:
    Library.objects.filter(pk=library.pk).update(search=as_json(SAVED))

    built = tools.build_tools(scope=Scope.whole(library.team_id, (library.pk,)), mode="quote")
    built.search("When?")
    built.narrow(Filters(tags=("a",)))("When?")

    first, second = (call.kwargs for call in found.call_args_list)
    assert first["options"] == SAVED.options
    assert first["k"] == 3 * tools.FOUND_PER_PASSAGE
    assert (second["options"].dense_weight, second["options"].filters) == (0.2, Filters(tags=("a",)))
    assert built.is_strict


def test_it_searches_as_a_run_asks_for_instead(library: Library, embedding_model: AIModel, found: mock.Mock) -> None:
    Library.objects.filter(pk=library.pk).update(search=as_json(SAVED))
    own = SearchSettings(SearchOptions(legs="dense"), 5)

    built = tools.build_tools(scope=Scope.whole(library.team_id, (library.pk,)), mode="quote", settings=own)
    built.search("When?")

    assert found.call_args.kwargs["options"] == own.options
    assert not built.is_strict
