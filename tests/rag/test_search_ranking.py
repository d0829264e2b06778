"""The ranking inside a search: named documents, a rerank model, and what the stages tell."""

import pytest

from apps.catalog.models import AIModel
from apps.rag.options import SearchOptions
from apps.rag.search import SearchTools, search
from apps.rag.types import Found
from apps.runtimes.contracts import Floats, RuntimeFailure
from tests.factories import AIModelFactory, LibraryFactory
from tests.rag.corpus import EMBEDDER, fill, scope_of, tools

ASKED = "Who wrote the serial Harbour Lights?"


def names(found: Found) -> list[str]:
    return [passage.document_name for passage in found.passages]


@pytest.mark.django_db
def test_it_brings_up_the_document_that_the_best_passage_names() -> None:
    library, model = LibraryFactory(), AIModelFactory()
    fill(library, ["The serial Harbour Lights was written by Ann Baker."], name="Harbour Lights.txt", model=model)
    fill(library, ["Who wrote this serial is not known."], name="Lost serial.txt", model=model)
    fill(library, ["She was born in Leeds and studied law."], name="Ann Baker (writer).txt", model=model)

    plain = search(scope_of(library), ASKED, k=3, options=SearchOptions(links=0.0), tools=tools(model))
    followed = search(scope_of(library), ASKED, k=3, options=SearchOptions(links=1.0), tools=tools(model))

    assert names(plain)[-1] == "Ann Baker (writer).txt"
    assert names(followed)[-1] == "Lost serial.txt"
    named = next(passage for passage in followed.passages if passage.document_name.startswith("Ann"))
    assert dict(named.parts)["links"] > 0
    assert sum(dict(named.parts).values()) == pytest.approx(named.score, abs=1e-3)


@pytest.mark.django_db
def test_it_tells_each_stage_with_its_facts() -> None:
    library = LibraryFactory()
    fill(library, ["Water boils at 100 degrees.", "Ice melts at 0 degrees."])

    found = search(scope_of(library), "When does water boil?", k=1, tools=tools())

    stages = {stage.name: stage.facts for stage in found.stages}
    assert list(stages) == ["embedding", "terms", "legs", "fusion", "loading"]
    assert all(stage.milliseconds >= 0 for stage in found.stages)
    assert [term for term, _idf, _chunks in stages["terms"]["terms"]] == ["water", "boil"]
    assert (stages["terms"]["chunks"], stages["legs"]["candidates"], stages["loading"]["given"]) == (2, 2, 1)


@pytest.mark.django_db
def test_it_has_a_rerank_model_read_the_best() -> None:
    library, model = LibraryFactory(), AIModelFactory()
    rerank = AIModelFactory(kind=AIModel.Kind.RERANK, name="reader", runtime="fake")
    fill(library, ["water water water water", "when does water boil: at 100", "ice"], model=model)
    reading = SearchTools(EMBEDDER, model, rerank)

    found = search(scope_of(library), "when does water boil", k=3, tools=reading)
    without = search(scope_of(library), "when does water boil", k=3, options=SearchOptions(rerank=False), tools=reading)

    assert found.passages[0].text == "when does water boil: at 100"
    assert found.passages[0].rerank == 1.0
    assert [stage.facts["read"] for stage in found.stages if stage.name == "rerank"] == [3]
    assert without.passages[0].rerank is None


@pytest.mark.django_db
def test_it_falls_back_to_the_legs_when_the_rerank_model_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        name = "broken"

        def score(self, query: str, passages: list[str]) -> Floats:
            raise RuntimeFailure("It broke.")

    library, model = LibraryFactory(), AIModelFactory()
    fill(library, ["Water boils at 100 degrees.", "Ice melts."], model=model)
    monkeypatch.setattr("apps.rag.search.reranker", lambda _spec: Broken())
    rerank = AIModelFactory(kind=AIModel.Kind.RERANK, name="reader", runtime="fake")

    found = search(scope_of(library), "When does water boil?", k=2, tools=SearchTools(EMBEDDER, model, rerank))

    assert found.passages[0].text.startswith("Water")
    assert [stage.facts["failure"] for stage in found.stages if stage.name == "rerank"] == ["It broke."]


@pytest.mark.django_db
def test_it_stops_reading_when_the_time_is_up() -> None:
    library, model = LibraryFactory(), AIModelFactory()
    fill(library, [f"water boils in pot {number}" for number in range(9)], model=model)
    rerank = AIModelFactory(kind=AIModel.Kind.RERANK, name="reader", runtime="fake")
    hurried = SearchTools(EMBEDDER, model, rerank, rerank_ms=0.0)

    found = search(scope_of(library), "water", k=9, tools=hurried)

    assert sum(passage.rerank is not None for passage in found.passages) == 4
    assert all(passage.rerank is not None for passage in found.passages[:4])


@pytest.mark.django_db
def test_it_finds_the_default_rerank_model() -> None:
    AIModelFactory()
    assert SearchTools.default().rerank_model is None

    rerank = AIModelFactory(kind=AIModel.Kind.RERANK, name="reader", runtime="fake")

    assert SearchTools.default().rerank_model == rerank
