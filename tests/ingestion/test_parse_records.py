"""Data, subtitles, code, reStructuredText, XML and books: read so that people recognise them."""

import json
import zipfile
from pathlib import Path

import pytest

from apps.ingestion import parse_errors
from apps.ingestion.parsers import host
from apps.libraries.types import ParsedDocument


def read(tmp_path: Path, text: str | bytes, name: str) -> ParsedDocument:
    path = tmp_path / "upload"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return host.parse(path, name=name)


def shown(parsed: ParsedDocument) -> list[tuple[str, tuple[str, ...], str]]:
    return [(block.kind, block.heading_path, block.text) for block in parsed.blocks]


def code_of(tmp_path: Path, text: str | bytes, name: str) -> str:
    with pytest.raises(parse_errors.ParseError) as refused:
        read(tmp_path, text, name)
    return refused.value.code


def test_it_reads_an_array_of_objects_record_by_record(tmp_path: Path) -> None:
    data = '[{"name": "Apple", "price": 1.20, "tags": ["red", "round"]}, {"n": 12345678901234567890, "x": null}]'

    parsed = read(tmp_path, data, "fruit.json")

    assert shown(parsed) == [
        ("text", ("Apple",), "name: Apple\nprice: 1.20\ntags: red, round"),
        ("text", (), "n: 12345678901234567890"),
    ]
    assert parsed.facts["records"] == "2"


def test_it_reads_an_object_by_its_members(tmp_path: Path) -> None:
    data = {"shop": "Corner", "owner": {"name": "Ann", "home": {"city": "Rome"}}, "items": [{"id": 1, "q": [{"a": 1}]}]}

    assert shown(read(tmp_path, json.dumps(data), "a.json")) == [
        ("text", (), "shop: Corner"),
        ("heading", ("owner",), "owner"),
        ("text", ("owner",), "name: Ann"),
        ("heading", ("owner", "home"), "home"),
        ("text", ("owner", "home"), "city: Rome"),
        ("heading", ("items",), "items"),
        ("text", ("items", "1"), "id: 1\nq:\n  - a: 1"),
    ]


def test_it_reads_json_that_is_none_as_text(tmp_path: Path) -> None:
    assert read(tmp_path, '{"a": 1, // a comment\n}', "a.json").blocks[0].text.startswith('{"a": 1')


def test_it_refuses_json_nested_without_end(tmp_path: Path) -> None:
    assert code_of(tmp_path, "[" * 200_000, "a.json") == "broken"


def test_it_reads_json_lines_and_keeps_a_line_that_is_none(tmp_path: Path) -> None:
    parsed = read(tmp_path, '{"question": "Why?", "answer": "So."}\n\nnot json\n[1, 2]\n', "a.jsonl")

    assert shown(parsed) == [
        ("text", ("Why?",), "question: Why?\nanswer: So."),
        ("text", (), "not json"),
        ("text", (), "- 1\n- 2"),
    ]


def test_it_reads_a_notebook_cell_by_cell(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Study\n", "Some words."]},
        {"cell_type": "code", "source": "print(1)", "outputs": [{"text": ["1\n"]}, {"data": {"image/png": "xx"}}]},
        {"cell_type": "markdown", "source": "## Result"},
        {"cell_type": "code", "source": "x", "outputs": []},
    ]

    assert shown(read(tmp_path, json.dumps({"nbformat": 4, "cells": cells}), "a.ipynb")) == [
        ("heading", ("Study",), "Study"),
        ("text", ("Study",), "Some words."),
        ("code", ("Study",), "print(1)"),
        ("code", ("Study",), "1"),
        ("heading", ("Study", "Result"), "Result"),
        ("code", ("Study", "Result"), "x"),
    ]


def test_it_reads_subtitles_as_paragraphs_with_their_times(tmp_path: Path) -> None:
    cues = "\n".join(
        f"{n}\n00:00:{n:02d},000 --> 00:00:{n + 1:02d},000\n<i>Sentence number {n} is spoken now</i>.\n"
        for n in range(20)
    )

    first, *rest = read(tmp_path, cues, "a.srt").blocks

    assert first.text.startswith("[00:00:00 – 00:00:13] Sentence number 0 is spoken now. Sentence number 1")
    assert rest[0].text.startswith("[00:00:13 – ")


def test_it_reads_webvtt_with_voices_and_without_notes(tmp_path: Path) -> None:
    head = "WEBVTT\n\nNOTE nothing\n\nSTYLE\n::cue { }\n\nintro\n"
    text = f"{head}00:01.000 --> 00:02.500 align:start\n<v Ann>你好\n世界。\n"

    assert [block.text for block in read(tmp_path, text, "a.vtt").blocks] == ["[00:00:01 – 00:00:02] Ann: 你好 世界。"]


PYTHON = '''"""Module."""
import os

# About f.
@cache
def f(a):
    return a

class C:
    def m(self):
        return 1
'''
GO = "package main\n\n// Add adds.\nfunc Add(a int) int {\n\treturn a\n}\n\ntype T struct {\n\tA int\n}\n"
JS = """import x from 'y';

export async function go(a) {
  if (a) { b(); }
}

const add = (a, b) => {
  return a + b;
};
"""
C = "#include <a.h>\n\nstatic int\nadd(int a)\n{\n  return a;\n}\n\nint main(int argc, char **argv) {\n  return 0;\n}\n"


@pytest.mark.parametrize(
    ("name", "source", "paths", "language"),
    [
        ("a.py", PYTHON, [(), ("def f",), ("class C",)], "Python"),
        ("a.go", GO, [("package main",), ("func Add",), ("type T",)], "Go"),
        ("a.js", JS, [(), ("export async function go",), ("add",)], "JavaScript"),
        ("a.c", C, [(), ("add",), ("main",)], "C"),
        (
            "a.sql",
            "-- All\nCREATE TABLE a (\n  id int\n);\n\nSELECT 1;\n",
            [("CREATE TABLE a",), ("SELECT 1;",)],
            "SQL",
        ),
        ("a.toml", "x = 1\n[tool.ruff]\ny = 2\n[[mods]]\nz = 3\n", [(), ("tool.ruff",), ("mods",)], "TOML"),
    ],
)
def test_it_cuts_code_at_its_definitions(
    tmp_path: Path, name: str, source: str, paths: list[tuple[str, ...]], language: str
) -> None:
    parsed = read(tmp_path, source, name)

    assert [block.heading_path for block in parsed.blocks] == paths
    assert {block.kind for block in parsed.blocks} == {"code"}
    assert parsed.facts["language"] == language
    assert "".join("".join(block.text.split()) for block in parsed.blocks) == "".join(source.split())


def test_it_cuts_a_long_class_at_its_methods(tmp_path: Path) -> None:
    source = "class C:\n" + "".join(f"    def m{n}(self):\n" + "        x = 1\n" * 20 + "\n" for n in range(8))

    paths = [block.heading_path for block in read(tmp_path, source, "a.py").blocks]

    assert paths == [("class C",), *((("class C", f"def m{n}")) for n in range(8))]


def test_row_75_it_reads_hostile_lines_of_code_quickly(tmp_path: Path) -> None:
    for hostile in ("a " * 200_000, "((" * 200_000, "public " * 100_000, "a(" * 100_000 + "{", "x<" * 100_000):
        assert read(tmp_path, hostile, "a.java").blocks


RST = """
Guide
=====

Words with *emphasis*.

.. note:: Careful.

.. unknown:: Kept words

   More kept words.

.. include:: /etc/passwd
.. raw:: html

   <script>x</script>

=====  =====
Name   Price
=====  =====
Apple  3
=====  =====

Deeper
------

1. First

   * nested
2. Second

::

   code
"""


def test_it_reads_restructured_text_and_opens_no_file(tmp_path: Path) -> None:
    assert shown(read(tmp_path, RST, "a.rst")) == [
        ("heading", ("Guide",), "Guide"),
        ("text", ("Guide",), "Words with emphasis."),
        ("text", ("Guide",), "Careful."),
        ("text", ("Guide",), "Kept words\n\nMore kept words."),
        ("table", ("Guide",), "| Name | Price |\n| --- | --- |\n| Apple | 3 |"),
        ("heading", ("Guide", "Deeper"), "Deeper"),
        ("list", ("Guide", "Deeper"), "1. First\n  - nested\n2. Second"),
        ("code", ("Guide", "Deeper"), "code"),
    ]


def test_it_reads_an_article_in_xml_by_its_sections(tmp_path: Path) -> None:
    xml = (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE article PUBLIC "-//X" "x.dtd"><article><body>'
        "<sec><title>Cows</title><p>Cows give <italic>milk</italic>&nbsp;daily.</p>"
        "<sec><title>Food</title><list><list-item><p>Grass</p></list-item></list>"
        "<table-wrap><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table></table-wrap></sec></sec>"
        "</body></article>"
    )

    assert shown(read(tmp_path, xml, "a.xml")) == [
        ("heading", ("Cows",), "Cows"),
        ("text", ("Cows",), "Cows give milk daily."),
        ("heading", ("Cows", "Food"), "Food"),
        ("list", ("Cows", "Food"), "- Grass"),
        ("table", ("Cows", "Food"), "| A | B |\n| --- | --- |\n| 1 | 2 |"),
    ]


def test_it_reads_data_in_xml_record_by_record(tmp_path: Path) -> None:
    xml = '<rows><row id="1"><name>Apple</name><price>3</price></row><row id="2"><name>Pear</name><price/></row></rows>'

    assert [block.text for block in read(tmp_path, xml, "a.xml").blocks] == [
        "id: 1\nname: Apple\nprice: 3",
        "id: 2\nname: Pear",
    ]


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p">%p;]>',
        '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
    ids=["file", "parameter", "laughs"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_row_68_it_refuses_entities_in_xml(tmp_path: Path, doctype: str, encoding: str) -> None:
    xml = f'<?xml version="1.0" encoding="{encoding}"?>{doctype}<a>&x;&b;</a>'

    assert code_of(tmp_path, xml.encode(encoding), "a.xml") == "xml-entities"


def book(tmp_path: Path, **more: str) -> Path:
    path = tmp_path / "upload"
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/a.opf"/></rootfiles></container>',
        "OPS/a.opf": '<package xmlns:dc="x"><metadata><dc:title>Seas</dc:title><dc:creator>Ann</dc:creator></metadata>'
        "<manifest>"
        '<item id="b" href="b%20b.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
        "OPS/a.xhtml": "<html><body><h1>One</h1><p>First words.</p></body></html>",
        "OPS/b b.xhtml": "<html><body><p>Second words.</p></body></html>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (parts | more).items():
            archive.writestr(name, text)
    return path


def test_it_reads_a_book_in_the_order_of_its_spine(tmp_path: Path) -> None:
    parsed = host.parse(book(tmp_path), name="a.epub")

    assert [block.text for block in parsed.blocks] == ["One", "First words.", "Second words."]
    assert parsed.blocks[-1].heading_path == ("One",)
    assert (parsed.title, dict(parsed.facts)) == ("Seas", {"author": "Ann"})


def test_it_tells_a_book_that_is_locked_from_one_with_scrambled_fonts(tmp_path: Path) -> None:
    method = '<encryption><EncryptedData><EncryptionMethod Algorithm="{}"/></EncryptedData></encryption>'
    fonts = {"META-INF/encryption.xml": method.format("http://www.idpf.org/2008/embedding")}
    locked = {"META-INF/encryption.xml": method.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")}

    assert host.parse(book(tmp_path, **fonts), name="a.epub").blocks
    with pytest.raises(parse_errors.Encrypted):
        host.parse(book(tmp_path, **locked), name="a.epub")


def test_it_refuses_subtitles_without_a_cue(tmp_path: Path) -> None:
    assert code_of(tmp_path, "WEBVTT\n\nNothing is said.\n", "a.vtt") == "empty"
