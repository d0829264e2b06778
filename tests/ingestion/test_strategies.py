"""The ways of cutting: what each makes a chunk of, and that none loses text or exceeds the model."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ingestion.chunking import STRATEGIES, Rule, RuleInvalid, Strategy, StrategyUnknown, make_rule, stored_rule
from apps.ingestion.pairs import cells_of
from apps.ingestion.splitting import RESERVED_TOKENS
from apps.ingestion.strategies import Cut, cut
from apps.libraries.types import Block, ParsedDocument, passage_text, whole_text
from tests.ingestion.test_split import BLOCKS, MAX_TOKENS, Characters, Words, sentences

TABLE = "| City | Limit | Note |\n| --- | --- | --- |\n| Paris | 120 | a \\| b |\n| Rome | 90 |  |"


def cut_by(strategy: Strategy, *blocks: Block, target: int = 100, parent: int = 300, **more: Any) -> Cut:
    rule = Rule(strategy, target, more.pop("overlap", 0), parent)
    return cut(ParsedDocument(blocks), rule, title="Handbook", tokenizer=more.pop("tokenizer", Words()))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BLOCKS, st.sampled_from(STRATEGIES), st.sampled_from([32, 320]))
def test_no_way_of_cutting_loses_text_or_exceeds_the_model(
    blocks: list[Block], strategy: Strategy, target: int
) -> None:
    found = cut_by(strategy, *blocks, target=target, tokenizer=Characters())
    whole = whole_text(blocks)
    covered = bytearray(len(whole))

    for ordinal, chunk in enumerate(found.chunks):
        assert chunk.ordinal == ordinal
        assert chunk.text.strip()
        passage = passage_text("Handbook", chunk.heading_path, chunk.text)
        assert Characters().count([passage]) <= [MAX_TOKENS - RESERVED_TOKENS]
        covered[chunk.char_from : chunk.char_to] = b"\1" * (chunk.char_to - chunk.char_from)
    assert all(covered[at] for at, char in enumerate(whole) if not char.isspace())


def test_it_makes_a_record_of_each_row_with_the_names_of_its_columns() -> None:
    blocks = [
        Block(sentences(4), heading_path=("Rules",)),
        Block(TABLE, "table", page=3, heading_path=("Rates",)),
        Block(sentences(3), heading_path=("Rates",)),
    ]

    chunks = cut_by("row", *blocks).chunks

    assert [chunk.text for chunk in chunks][1:3] == ["City: Paris; Limit: 120; Note: a | b", "City: Rome; Limit: 90"]
    assert [chunk.heading_path for chunk in chunks] == [("Rules",), ("Rates",), ("Rates",), ("Rates",)]
    assert (chunks[1].page_from, chunks[0].text, chunks[3].text) == (3, sentences(4), sentences(3))
    whole = whole_text(blocks)
    assert whole[chunks[2].char_from : chunks[2].char_to] == "| Rome | 90 |  |"


def test_it_makes_a_passage_of_each_record_of_json() -> None:
    blocks = tuple(Block(f"name: Item {n}\nprice: {n}", heading_path=(f"Item {n}",)) for n in range(5))
    rule = Rule("row", 100, 0)

    records = cut(ParsedDocument(blocks, facts={"records": "5"}), rule, title="", tokenizer=Words()).chunks

    assert [chunk.text for chunk in records] == [block.text for block in blocks]


def test_it_cuts_a_row_that_is_too_long_for_the_model() -> None:
    row = "| Paris | " + sentences(200) + " |"

    chunks = cut_by("row", Block("| City | Text |\n| --- | --- |\n" + row, "table")).chunks

    assert len(chunks) > 1
    assert all(len(chunk.text.split()) <= MAX_TOKENS for chunk in chunks)


def test_it_repeats_the_header_of_a_long_table() -> None:
    rows = "\n".join(f"| City {n} | {n} |" for n in range(200))

    chunks = cut_by("structure", Block(f"| City | Limit |\n| --- | --- |\n{rows}", "table")).chunks

    assert len(chunks) > 4
    assert all(chunk.text.startswith("| City | Limit |\n| --- | --- |\n") for chunk in chunks)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("Q: How long is the leave?", "A: Ten days.", "Q: Who decides?", "A: The manager."), id="letters"),
        pytest.param(("问：年假多少天？", "答：十天。", "问：谁批准？", "答：经理。"), id="Chinese"),
        pytest.param(
            ("**问题1：** 年假多少天？", "**答案：** 十天。", "**问题2：** 谁批准？", "答案：经理。"), id="numbered"
        ),
        pytest.param(("1. Question: How long?", "Answer: Ten days.", "2. Question: Who?", "Answer: He."), id="words"),
    ],
)
@pytest.mark.parametrize("is_one_block", [True, False])
def test_it_keeps_each_question_with_its_answer(lines: tuple[str, ...], is_one_block: Any) -> None:
    blocks = [Block("\n".join(lines))] if is_one_block else [Block(line) for line in lines]

    chunks = cut_by("qa", Block("Leave", "heading"), *blocks).chunks

    joint = "\n" if is_one_block else "\n\n"
    assert [chunk.text for chunk in chunks] == ["Leave\n\n" + joint.join(lines[:2]), joint.join(lines[2:])]
    assert all(len(chunk.questions) == 1 for chunk in chunks[-2:])
    assert chunks[-1].questions[0] in lines[2]


def test_a_heading_goes_with_the_pair_or_the_row_that_it_announces() -> None:
    heading = Block("Leave", "heading", heading_path=("Leave",))

    pairs = cut_by("qa", heading, Block("Q: How long?\nA: Ten days.", heading_path=("Leave",))).chunks
    rows = cut_by("row", heading, Block(TABLE, "table", heading_path=("Leave",))).chunks

    assert [chunk.text for chunk in pairs] == ["Leave\n\nQ: How long?\nA: Ten days."]
    assert [chunk.text[:4] for chunk in rows] == ["City", "City"]
    assert rows[0].char_from == 0


def test_it_takes_pairs_from_tables_with_their_alternative_questions() -> None:
    table = (
        "| 问题 | 相似问 | 答案 | 部门 |\n| --- | --- | --- | --- |\n"
        "| 年假多少天？ | 假期几天；休假多久 | 十天。 | 人事 |\n| 谁批准？ |  | 经理。 |  |"
    )

    chunks = cut_by("qa", Block(table, "table")).chunks

    assert [chunk.text for chunk in chunks] == ["年假多少天？\n十天。\n部门: 人事", "谁批准？\n经理。"]
    assert chunks[0].questions == ("年假多少天？", "假期几天", "休假多久")


def test_it_takes_a_table_of_two_columns_whose_first_asks() -> None:
    asking = "| x | y |\n| --- | --- |\n| How long? | Ten days. |\n| Who decides? | He does. |"

    assert [chunk.questions for chunk in cut_by("qa", Block(asking, "table")).chunks] == [
        ("How long?",),
        ("Who decides?",),
    ]
    assert [chunk.questions for chunk in cut_by("qa", Block(TABLE, "table")).chunks] == [()]


def test_it_takes_headings_that_ask_with_what_stands_under_them() -> None:
    faq = ("FAQ",)
    blocks = [
        Block("FAQ", "heading", heading_path=faq),
        Block("How long is the leave?", "heading", heading_path=(*faq, "How long is the leave?")),
        Block("Ten days.", heading_path=(*faq, "How long is the leave?")),
        Block("More in the first year.", "list", heading_path=(*faq, "How long is the leave?")),
        Block("如何申请", "heading", heading_path=(*faq, "如何申请")),
        Block("在线申请。", heading_path=(*faq, "如何申请")),
        Block("Contact", "heading", heading_path=("Contact",)),
        Block("Call us.", heading_path=("Contact",)),
    ]

    chunks = cut_by("qa", *blocks).chunks

    assert [chunk.questions for chunk in chunks] == [("How long is the leave?",), ("如何申请",), ()]
    assert chunks[0].text == "FAQ\n\nHow long is the leave?\n\nTen days.\n\nMore in the first year."


def test_it_takes_short_paragraphs_that_ask_where_there_are_some() -> None:
    blocks = [Block(text) for n in range(3) for text in (f"What is rule {n}?", f"It is number {n}.")]

    assert [chunk.questions for chunk in cut_by("qa", *blocks).chunks] == [(f"What is rule {n}?",) for n in range(3)]
    assert cut_by("qa", *blocks[:4]).chunks[0].questions == ()


def test_it_repeats_the_question_where_an_answer_is_cut() -> None:
    chunks = cut_by("qa", Block("Q: How long is it?"), Block("A: " + sentences(200))).chunks

    assert len(chunks) > 1
    assert all(chunk.text.startswith(("Q: How long is it?", "How long is it?\n")) for chunk in chunks)
    assert all(chunk.questions == ("How long is it?",) for chunk in chunks)


def test_a_document_without_pairs_is_cut_by_structure() -> None:
    blocks = [Block(sentences(9), heading_path=("One",)), Block(sentences(9), heading_path=("Two",))]

    assert cut_by("qa", *blocks) == cut_by("structure", *blocks)


def test_it_keeps_a_document_whole_that_fits() -> None:
    blocks = [Block("One", "heading", heading_path=("One",)), Block(sentences(20), heading_path=("One",))]

    (chunk,) = cut_by("whole", *blocks).chunks
    assert chunk.text == whole_text(blocks)
    assert chunk.heading_path == ("One",)
    assert len(cut_by("whole", *blocks, Block(sentences(200))).chunks) < 6


def test_it_groups_children_into_sections_that_headings_end() -> None:
    blocks = [Block(sentences(10, name), heading_path=("Book", name)) for name in "abc"]
    blocks.append(Block(sentences(40, "d"), heading_path=("Other",)))

    found = cut_by("parent_child", *blocks, target=50, parent=200)

    assert [section.ordinal for section in found.sections] == list(range(len(found.sections)))
    assert found.sections[0].heading_path == ("Book",)
    assert all(len(section.text.split()) <= 200 for section in found.sections)
    for chunk in found.chunks:
        assert chunk.section is not None
        section = found.sections[chunk.section]
        assert chunk.text in section.text
        assert section.char_from <= chunk.char_from < chunk.char_to <= section.char_to
    assert {found.sections[chunk.section or 0].heading_path[:1] for chunk in found.chunks} == {("Book",), ("Other",)}


def test_it_reads_escaped_cells() -> None:
    assert cells_of("| a \\| b | c<br>d |  |") == ["a | b", "c\nd", ""]


def test_it_checks_what_a_rule_may_be() -> None:
    rule = make_rule({"strategy": "qa", "target_tokens": "200", "overlap_tokens": "0"}, max_tokens=512)

    assert (rule.strategy, rule.target_tokens, rule.overlap_tokens) == ("qa", 200, 0)
    assert stored_rule(rule.as_json()) == rule
    assert stored_rule({}) == stored_rule({"strategy": "of a later release"})
    assert rule.digest != stored_rule({}).digest
    for wrong in (
        {"target_tokens": "9999"},
        {"target_tokens": "x"},
        {"overlap_tokens": "-1"},
        {"target_tokens": "1e3"},
    ):
        with pytest.raises(RuleInvalid):
            make_rule(wrong, max_tokens=512)
    with pytest.raises(StrategyUnknown):
        make_rule({"strategy": "magic"}, max_tokens=512)
