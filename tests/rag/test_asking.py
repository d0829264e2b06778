"""What is read out of a question: phrases, exclusions and operators; all else stays the question."""

from datetime import date

import pytest

from apps.rag.asking import MAX_OPERATORS, Asked, merged, parse
from apps.rag.options import Filters

TODAY = date(2026, 5, 20)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param('"net revenue" 2023', Asked("net revenue 2023", Filters(phrases=("net revenue",))), id="phrase"),
        pytest.param("什么是“乡里制”？", Asked("什么是乡里制？", Filters(preferred=("乡里制",))), id="Chinese quotes"),
        pytest.param("「MZ」两字", Asked("MZ 两字", Filters(preferred=("MZ",))), id="corner quotes"),
        pytest.param(
            'Who wrote "Dear Brother"?',
            Asked("Who wrote Dear Brother ?", Filters(preferred=("Dear Brother",))),
            id="quotes inside a question only name a thing",
        ),
        pytest.param("报销 -差旅", Asked("报销", Filters(excluded=("差旅",))), id="exclusion"),
        pytest.param('leave -"sick leave"', Asked("leave", Filters(excluded=("sick leave",))), id="excluded phrase"),
        pytest.param("违约金 tag:hr,法务", Asked("违约金", Filters(tags=("hr", "法务"))), id="tags"),
        pytest.param('pay tag:"human resources"', Asked("pay", Filters(tags=("human resources",))), id="quoted value"),
        pytest.param(
            "预算 标签：人事", Asked("预算", Filters(tags=("人事",))), id="Chinese operator, full width colon"
        ),
        pytest.param("budget TYPE:PDF", Asked("budget", Filters(types=("pdf",))), id="type in capitals"),
        pytest.param("预算 类型:表格", Asked("预算", Filters(types=("sheet",))), id="Chinese type"),
        pytest.param("x1 type:.docx", Asked("x1", Filters(types=("docx",))), id="suffix"),
        pytest.param("x1 type:image/png", Asked("x1", Filters(types=("image/png",))), id="media type"),
        pytest.param("x1 in:/合同/2024/", Asked("x1", Filters(places=("合同/2024",))), id="folder"),
        pytest.param("x1 位于:手册", Asked("x1", Filters(places=("手册",))), id="Chinese place"),
        pytest.param("x1 after:2024", Asked("x1", Filters(after=date(2024, 1, 1))), id="after a year has begun"),
        pytest.param("x1 after:2024-05", Asked("x1", Filters(after=date(2024, 5, 1))), id="month"),
        pytest.param("x1 晚于:2024年5月3日", Asked("x1", Filters(after=date(2024, 5, 3))), id="Chinese date"),
        pytest.param("x1 before:2024", Asked("x1", Filters(before=date(2023, 12, 31))), id="before a year begins"),
        pytest.param("x1 早于:2024/5/1", Asked("x1", Filters(before=date(2024, 4, 30))), id="before a day"),
        pytest.param("x1 after:30d", Asked("x1", Filters(after=date(2026, 4, 20))), id="days ago"),
        pytest.param("x1 after:yesterday", Asked("x1", Filters(after=date(2026, 5, 19))), id="yesterday"),
    ],
)
def test_it_reads(text: str, wanted: Asked) -> None:
    asked = parse(text, today=TODAY)

    assert (asked.text, asked.filters) == (wanted.text, wanted.filters)
    assert asked.operators


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("COVID -19 at -5 degrees", id="negative numbers"),
        pytest.param("GB/T 7714-2015, 10-20 and e-mail", id="hyphens inside words and ranges"),
        pytest.param("报销流程-差旅", id="hyphen without a space before it"),
        pytest.param("what does ls -l do", id="a short flag"),
        pytest.param("git commit --amend", id="a long flag"),
        pytest.param("cmake -DWITH_X=1 fails", id="a definition"),
        pytest.param("paths like -/usr/lib", id="a path"),
        pytest.param("this - or that", id="a dash between words"),
        pytest.param('6" pipe and 8" pipe', id="inches"),
        pytest.param('an open "quote', id="one quote alone"),
        pytest.param('nothing in "" quotes', id="empty quotes"),
        pytest.param('"?!" marks', id="quoted punctuation"),
        pytest.param("type:I diabetes", id="a type that does not exist"),
        pytest.param("before:long ago", id="no date"),
        pytest.param("after:2024-13-45", id="no day of any calendar"),
        pytest.param("colour:red", id="unknown operator"),
        pytest.param("tag: hr", id="a colon as people write it"),
        pytest.param("the filetype:pdf", id="an operator inside a word"),
        pytest.param("see http://in:80/x", id="an address"),
        pytest.param("tag:hr", id="nothing but an operator"),
        pytest.param("-secret", id="nothing but an exclusion"),
        pytest.param("", id="nothing"),
    ],
)
def test_it_leaves_alone(text: str) -> None:
    assert parse(text, today=TODAY) == Asked(text)


def test_it_reads_several_at_once() -> None:
    asked = parse('"年度 预算" 审批 -草稿 tag:财务 type:pdf,xlsx after:2024 in:制度', today=TODAY)

    assert asked.text == "年度 预算 审批"
    assert asked.filters == Filters(
        tags=("财务",),
        types=("pdf", "xlsx"),
        after=date(2024, 1, 1),
        phrases=("年度 预算",),
        excluded=("草稿",),
        places=("制度",),
    )


def test_pasted_code_is_no_list_of_conditions() -> None:
    asked = parse('{"name": "foo", "kind": "bar"} fails', today=TODAY)

    assert asked.filters == Filters(preferred=("name", "foo", "kind", "bar"))


def test_punctuation_behind_an_exclusion_is_none_of_it() -> None:
    assert parse("leave -overtime, please", today=TODAY) == Asked(
        "leave , please", Filters(excluded=("overtime",)), ("-overtime",)
    )


def test_it_keeps_the_question_mark_behind_a_value() -> None:
    assert parse("who pays tag:hr?", today=TODAY).text == "who pays ?"


def test_it_reads_only_so_many_operators() -> None:
    asked = parse("pay " + " ".join(f"tag:t{n}" for n in range(100)), today=TODAY)

    assert len(asked.filters.tags) == MAX_OPERATORS
    assert "tag:t99" in asked.text


@pytest.mark.parametrize(
    "text", ['"' * 5_000, '-"' * 5_000, "tag:" * 5_000, "“" * 5_000, "a -b " * 5_000, "\x00\ud800"]
)
def test_it_survives_hostile_text(text: str) -> None:
    parse(text, today=TODAY)


def test_merged_filters_hold_both() -> None:
    first, second = Filters(tags=("a",)), Filters(tags=("b",))

    assert merged(first, Filters()) == first
    assert merged(Filters(), second) == second
    assert merged(first, second) == Filters(tags=("a",), also=(second,))
