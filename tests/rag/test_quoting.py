"""Quotes hold what is needed to understand them, and no more than one may read at a glance."""

from dataclasses import replace
from uuid import uuid4

import numpy as np

from apps.rag.passages import Given
from apps.rag.quoting import LONGEST_QUOTE, best_sentences
from apps.runtimes.fake import FakeEmbedder
from tests.rag.doubles import passage


def quotes(question: str, text: str, *, most: int = 1) -> list[str]:
    given = [Given(1, passage(text), text)]
    return [cite.quote for cite in best_sentences(question, given, FakeEmbedder().embed_queries, most=most).cites]


def test_it_quotes_a_sentence_with_the_one_that_it_leans_on() -> None:
    text = "河沙耗尽。因此玻璃厂停产。天气很好。"

    assert quotes("玻璃厂为什么停产？", text) == [text]


def test_a_lone_quote_goes_on_where_more_than_a_name_or_a_number_is_asked_for() -> None:
    text = "Symptoms of the disease are fever and cough. Rash follows on the third day. Bread is baked at nine."

    (quote,) = quotes("What are the symptoms of the disease?", text)

    assert quote == "Symptoms of the disease are fever and cough. Rash follows on the third day."
    assert quotes("When does rash follow?", text) == ["Rash follows on the third day."]


def test_it_quotes_no_more_than_one_may_read_at_a_glance() -> None:
    text = "The ferry leaves at nine. " + "It is said that " + "very " * LONGEST_QUOTE + "many people take it."

    assert quotes("How does the ferry leave?", text) == ["The ferry leaves at nine."]


def test_it_says_how_much_of_the_question_is_in_the_quotes() -> None:
    given = [Given(1, passage("The ferry leaves at nine."), "The ferry leaves at nine.")]
    embed = FakeEmbedder().embed_queries

    full = best_sentences("ferry leaves nine", given, embed, most=1).quotable
    none = best_sentences("bananas volcano", given, embed, most=1).quotable

    assert full.coverage > 0.99
    assert none.coverage == 0.0
    assert full.nearness > none.nearness


def cited(question: str, *texts: tuple[str, str], most: int = 2) -> list[str]:
    """Return the names of the documents quoted where the embedding finds every sentence as near as any other."""
    passages = [
        replace(passage(text, at=100 * at), document_id=uuid4(), document_name=name)
        for at, (name, text) in enumerate(texts)
    ]
    given = [Given(number, each, each.text) for number, each in enumerate(passages, 1)]
    found = best_sentences(question, given, lambda texts: np.ones((len(texts), 1), dtype=np.float32), most=most)
    return [cite.passage.document_name for cite in found.cites]


def test_it_quotes_a_second_document_that_the_first_quote_names() -> None:
    film = ("Harbour Nights.txt", "The film Harbour Nights was directed by Ada Okafor.")
    director = ("Ada Okafor.txt", "Ada Okafor is a director born in Lagos.")
    other = ("Kim Dahl.txt", "Kim Dahl is a director born in Oslo.")

    assert cited("Where was the director of Harbour Nights born?", film, other, director) == [
        "Harbour Nights.txt",
        "Ada Okafor.txt",
    ]


def test_it_prefers_the_document_that_the_question_names() -> None:
    about = ("Orla.txt", "Orla carries forty cars and ninety people.")
    beside = ("Timetable.txt", "Orla carries forty cars and ninety people.")

    assert cited("How many cars does Orla carry?", beside, about, most=1) == ["Orla.txt"]
