"""Parent and child: a found child is read as its section, and cited where the words stand."""

from uuid import uuid4

from apps.rag.passages import Room, pack
from apps.rag.pipeline import answer
from apps.rag.types import Finished, Found, Section
from tests.rag.doubles import passage, tools

CHILD = "The fee is 20 euros."
PARENT = f"Membership of the club. {CHILD} It is paid in May. Late payers owe 5 euros more."
ROOM = Room(6, 10_000, 10_000, len)


def section(text: str = PARENT) -> Section:
    return Section(uuid4(), text, ("Club",), 3, 4, 100, 100 + len(text))


def test_it_reads_the_section_of_a_found_chunk_once() -> None:
    parent = section()
    first = passage(CHILD, at=24, section=parent)
    second = passage("It is paid in May.", at=45, section=parent)
    other = passage("Dogs must be on a lead.", at=900)

    given = pack("What is the fee?", [first, second, other], ROOM)

    assert [each.text for each in given] == [PARENT, other.text]
    assert given[0].passage == first


def test_it_cites_the_child_for_its_own_words_and_the_section_for_others() -> None:
    parent = section()
    child = passage(CHILD, at=124, section=parent, page_from=3)

    def cited(question: str) -> tuple[str, str]:
        *_, last = answer(question, (), tools(Found((child,), 0.9, "en")))
        assert isinstance(last, Finished)
        return last.citations[0].quote, last.citations[0].passage.text

    assert cited("How much is the fee?") == (CHILD, CHILD)
    quote, text = cited("How much more do late payers owe?")
    assert quote.startswith("Late payers")
    assert text == PARENT
