"""OpenDocument texts and slides: headings, lists, tables, notes, tracked changes, locked and broken files."""

import hashlib
import zlib
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from apps.ingestion.parsers import odp, odt
from apps.ingestion.parsers.types import Refused
from apps.libraries.types import ParsedDocument
from tests.ingestion import office


def read(tmp_path: Path, body: str, styles: str = "", **more: str | bytes) -> ParsedDocument:
    parts = {name.replace("__", "/").replace("_", "."): data for name, data in more.items()}
    path = office.odf(tmp_path / "a.odt", "text", body, styles=styles, more=parts)
    return odt.parse(office.Desk().task(path))


def texts(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in parsed.blocks]


def p(text: str, style: str = "Standard") -> str:
    return f'<text:p text:style-name="{style}">{text}</text:p>'


def test_it_reads_headings_and_paragraphs(tmp_path: Path) -> None:
    heading = '<text:h text:outline-level="2">Limits</text:h>'
    body = p("Travel policy", "Title") + heading + p("Per<text:s text:c='2'/>night<text:line-break/>in euros")

    parsed = read(tmp_path, body)

    assert parsed.title == "Travel policy"
    assert texts(parsed) == [("heading", "Travel policy"), ("heading", "Limits"), ("text", "Per night\nin euros")]
    assert parsed.blocks[2].heading_path == ("Travel policy", "Limits")


def test_it_writes_the_numbers_of_nested_lists(tmp_path: Path) -> None:
    style = (
        '<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1"'
        ' style:num-suffix=")" text:start-value="3"/><text:list-level-style-bullet text:level="2"/></text:list-style>'
    )
    inner = f"<text:list><text:list-item>{p('deep')}</text:list-item></text:list>"
    items = f"<text:list-item>{p('one')}{inner}</text:list-item><text:list-item>{p('two')}</text:list-item>"

    parsed = read(tmp_path, f'<text:list text:style-name="L">{items}</text:list>', style)

    assert texts(parsed) == [("list", "3) one\n  - deep\n4) two")]


def test_it_leaves_out_tracked_deletions_and_tables_of_contents(tmp_path: Path) -> None:
    gone = (
        f"<text:tracked-changes><text:changed-region>{p('deleted words')}</text:changed-region></text:tracked-changes>"
    )
    contents = f"<text:table-of-content><text:index-body>{p('Limits 3')}</text:index-body></text:table-of-content>"

    assert texts(read(tmp_path, gone + contents + p("We pay<text:change/> twenty"))) == [("text", "We pay twenty")]


def test_it_puts_notes_comments_and_boxes_after_their_paragraph(tmp_path: Path) -> None:
    body = f"<text:note-body>{p('Noted')}</text:note-body>"
    note = f"<text:note><text:note-citation>1</text:note-citation>{body}</text:note>"
    remark = f"<office:annotation><dc:creator>Ann</dc:creator>{p('Really?')}</office:annotation>"
    box = f"<draw:frame><draw:text-box>{p('Boxed')}</draw:text-box></draw:frame>"

    parsed = read(tmp_path, p(f"Main{note}{remark}{box}") + p("After"))

    assert texts(parsed) == [
        *[("text", "Main"), ("note", "Noted"), ("note", "Ann: Really?"), ("text", "Boxed"), ("text", "After")]
    ]


def test_it_reads_tables_with_merged_cells_and_pictures(tmp_path: Path) -> None:
    def cell(text: str, attributes: str = "") -> str:
        return f"<table:table-cell {attributes}>{p(text)}</table:table-cell>"

    image = '<draw:frame><draw:image xlink:href="Pictures/a.png"/><svg:desc>A flag</svg:desc></draw:frame>'
    rows = (
        cell("Kind") + cell("Price"),
        cell("Fruit", 'table:number-rows-spanned="2"') + cell("1"),
        "<table:covered-table-cell/>" + cell("2"),
    )
    table = "".join(f"<table:table-row>{each}</table:table-row>" for each in rows)

    parsed = read(tmp_path, f"<table:table>{table}</table:table>" + p(image), Pictures__a_png=office.picture())

    assert texts(parsed) == [
        ("table", "| Kind | Price |\n| --- | --- |\n| Fruit | 1 |\n| Fruit | 2 |"),
        ("figure", "A flag"),
    ]
    assert len(parsed.figures) == 1


def test_it_reads_slides_in_reading_order_with_notes(tmp_path: Path) -> None:
    def frame(text: str, y: float, kind: str = "") -> str:
        place = f'svg:x="1cm" svg:y="{y}cm" svg:width="10cm" svg:height="2cm"'
        told = f'presentation:class="{kind}"' if kind else ""
        return f"<draw:frame {place} {told}><draw:text-box>{p(text)}</draw:text-box></draw:frame>"

    notes = f"<presentation:notes>{frame('Say hello.', 1)}</presentation:notes>"
    page = f"<draw:page>{frame('below', 9)}{frame('Plan', 1, 'title')}{frame('above', 5)}{notes}</draw:page>"

    parsed = odp.parse(office.Desk().task(office.odf(tmp_path / "a.odp", "presentation", page)))

    assert (parsed.pages, parsed.title) == (1, "Plan")
    assert texts(parsed) == [("heading", "Plan"), ("text", "above"), ("text", "below"), ("note", "Say hello.")]


def locked(path: Path, password: str) -> Path:
    """Write a text whose content is enciphered as LibreOffice does (ODF 1.2 part 3, 4.8)."""
    body = f"<office:body><office:text>{p('Hidden words')}</office:text></office:body>"
    content = f"<office:document-content {office.ODF}>{body}</office:document-content>"
    packer = zlib.compressobj(wbits=-15)
    plain = packer.compress(content.encode()) + packer.flush()
    salt, vector = b"s" * 16, b"v" * 16
    key = hashlib.pbkdf2_hmac("sha1", hashlib.sha256(password.encode()).digest(), salt, 1_000, 32)
    cipher = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    data = cipher.update(plain + bytes(-len(plain) % 16)) + cipher.finalize()
    manifest = (
        f'<manifest:manifest {office.ODF}><manifest:file-entry manifest:full-path="content.xml">'
        '<manifest:encryption-data manifest:checksum="AA=="><manifest:algorithm manifest:algorithm-name="x#aes256-cbc"'
        f' manifest:initialisation-vector="{b64encode(vector).decode()}"/><manifest:key-derivation'
        f' manifest:salt="{b64encode(salt).decode()}" manifest:iteration-count="1000"/><manifest:start-key-generation'
        ' manifest:start-key-generation-name="x#sha256"/></manifest:encryption-data></manifest:file-entry>'
        "</manifest:manifest>"
    )
    return office.packed(path, {"content.xml": data, "META-INF/manifest.xml": manifest})


@pytest.mark.parametrize(("password", "code"), [(None, "encrypted"), ("guess", "wrong-password")])
def test_it_asks_for_the_password_of_a_locked_text(tmp_path: Path, password: str | None, code: str) -> None:
    with pytest.raises(Refused) as refused:
        odt.parse(office.Desk().task(locked(tmp_path / "a.odt", "sesame"), password))

    assert refused.value.code == code


def test_it_reads_a_locked_text_with_its_password(tmp_path: Path) -> None:
    assert texts(odt.parse(office.Desk().task(locked(tmp_path / "a.odt", "sesame"), "sesame"))) == [
        ("text", "Hidden words")
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param("", "empty", id="no words"),
        pytest.param("<text:p>", "broken", id="not closed"),
        pytest.param("<text:span>" * 300 + "</text:span>" * 300, "broken", id="300 levels"),
    ],
)
def test_it_refuses_with_a_code(tmp_path: Path, body: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read(tmp_path, body)

    assert refused.value.code == code


def test_it_refuses_entities(tmp_path: Path) -> None:
    """Security row 68: no entity is expanded, no file read."""
    content = f'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><office:document-content {office.ODF}/>'

    with pytest.raises(Refused) as refused:
        odt.parse(office.Desk().task(office.packed(tmp_path / "a.odt", {"content.xml": content})))

    assert refused.value.code == "xml-entities"
