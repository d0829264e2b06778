"""Plain text in any encoding, Markdown and HTML."""

from pathlib import Path

import pytest

from apps.ingestion.parsers import html, markdown, text
from apps.ingestion.parsers.cleaning import clean, language_of, table_markdown
from apps.ingestion.parsers.encodings import decode
from apps.ingestion.parsers.types import ParseLimits, Task
from apps.libraries.types import Block, ParsedDocument

ZH = "出差报销应在返回后十日内提交，逾期不予受理。"
ZH_HANT = "出差報銷應在返回後十日內提交，逾期不予受理。"


def task(tmp_path: Path, data: bytes | str) -> Task:
    path = tmp_path / "file"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return Task(str(path), "file", None, ParseLimits())


def blocks(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in parsed.blocks]


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        pytest.param(ZH, encoding, id=encoding)
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gbk", "gb18030")
    ]
    + [
        pytest.param("报销流程说明", "gbk", id="short gbk"),
        pytest.param("合同", "gbk", id="two characters of gbk"),
        pytest.param(ZH_HANT, "big5", id="big5"),
        pytest.param("社内規程：出張費の精算は翌月十日までに申請してください。", "shift_jis", id="shift_jis"),
        pytest.param("これは日本語の文章です。", "euc_jp", id="euc_jp"),
        pytest.param("한국어 문서입니다. 이것은 시험용 문장입니다.", "euc_kr", id="euc_kr"),
        pytest.param("Größe für Österreich, schöne Grüße", "cp1252", id="german"),
        pytest.param("L’été à la française, ça va déjà", "cp1252", id="french"),
        pytest.param("Привет, мир. Это длинный текст на русском языке.", "cp1251", id="cp1251"),
        pytest.param("Привет, мир. Это длинный текст на русском языке.", "koi8-r", id="koi8"),
        pytest.param("Plain words, wide.", "utf-16-be", id="latin in utf-16 without a mark"),
        pytest.param("😀🚀🀄", "utf-8", id="emoji"),
    ],
)
def test_it_finds_the_encoding(words: str, encoding: str) -> None:
    if encoding == "utf-16-le":  # without a mark, only Latin text shows its pattern
        words = "Plain words, wide."

    assert decode(words.encode(encoding)) == words


def test_it_drops_what_postgresql_refuses_and_nobody_reads() -> None:
    assert clean("a\0b\ufeffc\u202edr\u00ad\ud800 of\ufb01ce ⼀\r\nx\ry") == "abcdr office 一\nx\ny"


def test_it_makes_paragraphs_at_blank_lines_and_keeps_lists(tmp_path: Path) -> None:
    parsed = text.parse(task(tmp_path, "First line\nsecond line\n\n\n- one\n- two\n"))

    assert blocks(parsed) == [("text", "First line\nsecond line"), ("list", "- one\n- two")]


def test_it_sees_chapters_of_a_chinese_text_without_blank_lines(tmp_path: Path) -> None:
    parsed = text.parse(task(tmp_path, f"第一章 总则\n{ZH}\n第二章 报销\n第一节 范围\n{ZH}\n第三条 {ZH}"))

    assert [block.heading_path for block in parsed.blocks if block.kind == "text"] == [
        ("第一章 总则",),
        ("第二章 报销", "第一节 范围"),
    ]
    assert parsed.language == "zh"


def test_it_takes_numbers_for_headings_only_where_there_are_several(tmp_path: Path) -> None:
    several = text.parse(task(tmp_path, "1 Scope\n\nWords.\n\n1.1 Terms\n\nMore words.\n"))
    single = text.parse(task(tmp_path, "3 apples\n\nWords.\n"))

    assert [block.heading_path for block in several.blocks] == [("1 Scope",), ("1 Scope",)] + [
        ("1 Scope", "1.1 Terms")
    ] * 2
    assert [block.kind for block in single.blocks] == ["text", "text"]


@pytest.mark.parametrize("sign", ["a", "[", "((", "!", " ", "\n", "> ", "*", "`", "<", "|", "- ", "#", "&", "]("])
@pytest.mark.parametrize("parser", [text, markdown, html], ids=lambda module: module.__name__.rpartition(".")[2])
def test_row_75_it_reads_a_megabyte_of_one_sign_in_linear_time(tmp_path: Path, parser: object, sign: str) -> None:
    """A quadratic rule would need hours here; the suite's own time limit is the assertion."""
    source = "x" + sign * (1_000_000 // len(sign)) + "y"

    parsed = parser.parse(task(tmp_path, source))  # type: ignore[attr-defined]

    assert parsed.blocks


MARKDOWN = """---
title: Travel policy
---
# Travel *policy*

See the [form](https://example.test/form) and `code`.

## Limits

| City | Limit |
|------|------:|
| Bern | 200 |

1. first
   - nested
2. second

```python
# not a heading
x = 1
```

<div onclick="evil()">Seen<script>evil()</script></div>
"""


def test_it_reads_markdown_by_its_structure(tmp_path: Path) -> None:
    parsed = markdown.parse(task(tmp_path, MARKDOWN))

    assert parsed.title == "Travel policy"
    assert blocks(parsed) == [
        ("heading", "Travel policy"),
        ("text", "See the form and code."),
        ("heading", "Limits"),
        ("table", "| City | Limit |\n| --- | --- |\n| Bern | 200 |"),
        ("list", "1. first\n  - nested\n2. second"),
        ("code", "# not a heading\nx = 1"),
        ("text", "Seen"),
    ]
    assert parsed.blocks[3].heading_path == ("Travel policy", "Limits")
    assert [block.level for block in parsed.blocks[:3]] == [1, 0, 2]


HTML = """<!doctype html><html><head><title>A page</title><style>p{}</style></head><body>
<nav><a href="/">Home</a></nav><header>Banner</header>
<main><h1>Ducks</h1><p>Ducks   are <b>water</b>fowl.<br>They quack.</p><aside>Advert</aside>
<div hidden>secret</div><p style="display: none">secret</p>
<table><caption>Eggs</caption><tr><th>Kind</th><th>Eggs</th></tr><tr><td colspan=2>Both | all</td></tr></table>
<ul><li>mallard<ol><li>male</li><li>female</li></ol></li><li>teal</li></ul><pre>  a
  b</pre><script>evil()</script></main><footer>Imprint</footer></body></html>"""


def test_it_reads_the_main_part_of_a_page(tmp_path: Path) -> None:
    parsed = html.parse(task(tmp_path, HTML))

    assert parsed.title == "A page"
    assert blocks(parsed) == [
        ("heading", "Ducks"),
        ("text", "Ducks are waterfowl.\nThey quack."),
        ("caption", "Eggs"),
        ("table", "| Kind | Eggs |\n| --- | --- |\n| Both \\| all |  |"),
        ("list", "- mallard\n  1. male\n  2. female\n- teal"),
        ("code", "  a\n  b"),
    ]


def test_it_reads_all_of_a_page_without_a_main_part(tmp_path: Path) -> None:
    parsed = html.parse(
        task(tmp_path, "<body><header>Title</header><nav>menu</nav><p>Words</p><footer>Imprint</footer></body>")
    )

    assert blocks(parsed) == [("text", "Title"), ("text", "Words"), ("text", "Imprint")]


def test_it_reads_tables_that_lay_out_a_page_as_text(tmp_path: Path) -> None:
    parsed = html.parse(task(tmp_path, f"<table><tr><td>menu</td><td><h2>News</h2>{'long ' * 300}</td></tr></table>"))

    assert [block.kind for block in parsed.blocks] == ["text", "heading", "text"]


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        pytest.param('<meta charset="gb2312">', "gb18030", id="declared gb2312"),
        pytest.param('<meta http-equiv="Content-Type" content="text/html; charset=big5">', "big5", id="declared big5"),
        pytest.param('<meta charset="utf-8">', "gb18030", id="declared wrongly"),
        pytest.param("", "gb18030", id="not declared"),
        pytest.param('<meta charset="utf-8">', "utf-16", id="byte order mark wins"),
        pytest.param('<meta charset="no-such-thing">', "utf-8", id="unknown"),
    ],
)
def test_it_finds_a_pages_encoding(tmp_path: Path, head: str, encoding: str) -> None:
    words = ZH_HANT if encoding == "big5" else ZH
    parsed = html.parse(task(tmp_path, f"<html><head>{head}</head><p>{words}</p></html>".encode(encoding)))

    assert blocks(parsed) == [("text", words)]


def test_it_reads_pages_nested_deeper_than_pythons_stack(tmp_path: Path) -> None:
    parsed = html.parse(task(tmp_path, "<div>" * 5_000 + "deep walrus"))

    assert parsed.blocks == (Block("deep walrus"),)


def test_it_writes_tables_with_a_header_and_without_empty_columns() -> None:
    assert table_markdown([["a", "", "b\nc"], ["1", ""]]) == "| a | b c |\n| --- | --- |\n| 1 |  |"
    assert table_markdown([["", " "]]) == ""


@pytest.mark.parametrize(
    ("words", "language"),
    [(ZH, "zh"), ("The ducks", "en"), ("これは日本語です", "ja"), ("한국어", "ko"), ("12 34", "")],
)
def test_it_names_the_language(words: str, language: str) -> None:
    assert language_of([words]) == language
