"""Which documents passages name."""

from uuid import UUID

import pytest

from apps.rag.links import lifts, name_of

SOURCE, NAMED, OTHER = (UUID(int=number) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("Neighbours.txt", "neighbours"),
        ("Jupiter (planet).pdf", "jupiter"),
        ("travel_expenses_2024.docx", "travel expenses 2024"),
        ("《员工手册》.docx", "员工手册"),
        ("财务报表（2023）.xlsx", "财务报表"),
        ("ＡＢＣＤ.pdf", "abcd"),
        ("Mr. Smith goes.pdf", "mr. smith goes"),
        ("AB.txt", ""),
        ("2024.pdf", ""),
        ("报告.pdf", ""),
        ("(2).pdf", ""),
        ("", ""),
    ],
)
def test_it_knows_how_a_text_would_say_a_name(document: str, name: str) -> None:
    assert name_of(document) == name


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("It was directed by PAUL  GROSS, who", 1),
        ("Paul\nGross.", 1),
        ("Paul Grossman", 0),
        ("St.Paul Gross", 1),
        ("APaul Gross", 0),
        ("Paul and Gross", 0),
    ],
)
def test_it_finds_names_as_whole_words(text: str, named: int) -> None:
    best = [(SOURCE, text, 0.8), (OTHER, "nothing", 0.5)]

    assert len(lifts(best, {NAMED: "Paul Gross.pdf"})) == named


def test_it_finds_chinese_names_without_spaces() -> None:
    assert lifts(
        [(SOURCE, "报销须遵守差旅费管理办法的规定。", 0.8), (OTHER, "无", 0.5)], {NAMED: "差旅费管理办法.docx"}
    )


def test_it_lifts_by_the_score_of_the_passage_and_less_for_a_name_that_many_say() -> None:
    names = {NAMED: "Paul Gross.pdf"}

    def said(times: int) -> list[tuple[UUID, str, float]]:
        return [(SOURCE, "Paul Gross", 0.8)] * times + [(OTHER, "nothing", 0.5)] * (10 - times)

    rare, common, everywhere = (lifts(said(times), names) for times in (1, 5, 10))

    assert 0.8 > rare[NAMED] > common[NAMED] > 0
    assert everywhere == {}


def test_it_lifts_no_document_by_its_own_text() -> None:
    assert lifts([(NAMED, "Paul Gross was born in 1959.", 0.9), (OTHER, "x", 0.5)], {NAMED: "Paul Gross.pdf"}) == {}


def test_it_reads_names_of_the_first_passages_only() -> None:
    best = [(OTHER, "nothing", 0.9) for _ in range(5)] + [(SOURCE, "Paul Gross", 0.5)]

    assert lifts(best, {NAMED: "Paul Gross.pdf"}) == {}
    assert lifts([], {NAMED: "Paul Gross.pdf"}) == {}


def test_it_stays_quick_with_hostile_names() -> None:
    """Security: a file name is chosen by a stranger; it is never a pattern, and looking for it is linear."""
    names = {UUID(int=number): "(" * 200 + "a+" * 50 + f"){number}.txt" for number in range(200)}

    assert lifts([(SOURCE, "a" * 100_000, 0.9)] * 10, names) == {}
