"""Hostile, broken and mislabelled files: each is refused with a code that stays."""

import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from apps.ingestion import parse_errors
from apps.ingestion.parsers import host
from apps.ingestion.parsers.types import ParseLimits
from tests.ingestion import papers

LIMITS = ParseLimits(wall_s=60, cpu_s=30, memory_mib=600)
FLAC = b"fLaC" + bytes(64)


def refusal(path: Path, name: str = "", **more: object) -> parse_errors.ParseError:
    with pytest.raises(parse_errors.ParseError) as refused:
        host.parse(path, name=name or path.name, limits=LIMITS, **more)  # type: ignore[arg-type]
    assert refused.value.sentence()
    return refused.value


def code_of(tmp_path: Path, data: bytes, name: str) -> str:
    path = tmp_path / "upload"
    path.write_bytes(data)
    return refusal(path, name).code


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        pytest.param(b"MZ\x90\x00" + bytes(400), "report.pdf", "mislabelled", id="program as pdf"),
        pytest.param(FLAC, "report.pdf", "mislabelled", id="music as pdf"),
        pytest.param(FLAC, "notes.txt", "mislabelled", id="music as text"),
        pytest.param(FLAC, "music.flac", "unsupported-format", id="honest music"),
        pytest.param(bytes(range(256)) * 20, "notes.md", "mislabelled", id="noise as markdown"),
        pytest.param(b"just text", "sheet.xlsx", "mislabelled", id="text as workbook"),
        pytest.param(b"PK\x03\x04 then noise", "report.docx", "broken", id="zip magic, then noise"),
        pytest.param(b"%PDF-1.7\nnothing that follows", "report.pdf", "broken", id="pdf header only"),
        pytest.param(b'<?xml version="1.0"?><svg><script/></svg>', "a.svg", "unsupported-format", id="svg"),
        pytest.param(b"", "empty.txt", "empty", id="no bytes"),
        pytest.param(b" \n\n\t\n", "blank.md", "empty", id="blank"),
        pytest.param(b"<html><script>x()</script></html>", "script.html", "empty", id="page without words"),
    ],
)
def test_it_refuses_by_content_whatever_the_name_says(tmp_path: Path, data: bytes, name: str, code: str) -> None:
    assert code_of(tmp_path, data, name) == code


@pytest.mark.parametrize("name", ["paper.pdf", "paper.docx", "paper.txt", "paper", "paper.exe"])
def test_it_reads_a_pdf_under_any_name(tmp_path: Path, name: str) -> None:
    path = papers.prose_pdf(tmp_path / "paper.pdf")

    assert host.parse(path, name=name, limits=LIMITS).blocks[0].text == "A walrus lives here."


def test_it_finds_a_pdf_header_within_the_first_kilobyte(tmp_path: Path) -> None:
    path = papers.prose_pdf(tmp_path / "paper.pdf")
    path.write_bytes(b"\n" * 1_000 + path.read_bytes())

    assert host.parse(path, name="paper.pdf", limits=LIMITS).pages == 1


def test_it_reads_html_that_is_named_pdf(tmp_path: Path) -> None:
    path = tmp_path / "page.pdf"
    path.write_text("<html><body><p>A badger in disguise.</p></body></html>")

    assert host.parse(path, name="page.pdf", limits=LIMITS).blocks[0].text == "A badger in disguise."


def test_it_asks_for_the_password_of_an_encrypted_pdf(tmp_path: Path) -> None:
    path = papers.prose_pdf(tmp_path / "locked.pdf", encrypt="sesame")

    assert refusal(path).code == "encrypted"
    assert refusal(path, password="open").code == "wrong-password"
    assert (
        host.parse(path, name="locked.pdf", password="sesame", limits=LIMITS).blocks[0].text == "A walrus lives here."
    )


def test_it_tells_an_encrypted_word_document(tmp_path: Path) -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1_016) + "EncryptedPackage".encode("utf-16-le") + bytes(64)

    assert code_of(tmp_path, data, "locked.docx") == "encrypted"


def test_it_tells_a_scan_from_an_empty_file(tmp_path: Path) -> None:
    path = papers.pdf(
        tmp_path / "scan.pdf", lambda canvas: (canvas.rect(50, 50, 200, 200, fill=1), canvas.showPage())[1]
    )

    with pytest.raises(parse_errors.ParseError) as refused:
        host.parse(path, name=path.name, limits=replace(LIMITS, ocr_threads=0))

    assert refused.value.code == "no-text-layer"
    assert refused.value.params == {"pages": 1}


def test_row_69_it_refuses_a_page_tree_that_claims_a_billion_pages(tmp_path: Path) -> None:
    data = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 1000000000/Kids[2 0 R]>>endobj\n"
        b"trailer<</Root 1 0 R>>\n%%EOF"
    )

    assert code_of(tmp_path, data, "billion.pdf") in {"too-many-pages", "broken"}


def test_it_refuses_more_pages_than_allowed(tmp_path: Path) -> None:
    path = papers.pdf(tmp_path / "three.pdf", lambda canvas: [canvas.showPage() for _ in range(3)] and None)

    with pytest.raises(parse_errors.TooManyPages) as refused:
        host.parse(path, name="three.pdf", limits=ParseLimits(max_pages=2))

    assert refused.value.params == {"pages": 3, "limit": 2}


def test_row_67_it_refuses_a_part_that_unpacks_a_thousandfold(tmp_path: Path) -> None:
    assert code_of(tmp_path, papers.bomb(64 << 20), "bomb.docx") == "archive-bomb"


def test_row_67_it_counts_while_it_unpacks_and_does_not_believe_headers(tmp_path: Path) -> None:
    data = bytearray(papers.bomb(64 << 20))
    at = data.rfind(b"PK\x01\x02")
    extra = struct.unpack_from("<H", data, at + 30)[0]
    data[at + 24 : at + 28] = struct.pack("<I", 1_000)  # the uncompressed size in the central directory
    assert extra in {0, 20}

    assert code_of(tmp_path, bytes(data), "forged.docx") in {"archive-bomb", "broken"}


def test_row_67_it_refuses_too_many_entries(tmp_path: Path) -> None:
    path = tmp_path / "many.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", papers.document_xml(papers.paragraph("x")))
        for number in range(10_001):
            archive.writestr(f"word/media/{number}", b"")

    assert refusal(path).code == "archive-bomb"


ENTITIES = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
PARAMETER = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1:9/x.dtd"> %a;]>'


@pytest.mark.parametrize("head", [ENTITIES, EXTERNAL, PARAMETER], ids=["laughs", "file", "parameter"])
@pytest.mark.parametrize("part", ["document", "styles", "footnotes"])
def test_row_68_it_refuses_document_types_in_every_part_it_reads(tmp_path: Path, head: str, part: str) -> None:
    good, bad = papers.document_xml(papers.paragraph("x")), papers.document_xml(papers.paragraph("&amp;"), head)
    parts = {} if part == "document" else {f"{part}_xml": bad}
    path = papers.word(tmp_path / "x.docx", bad if part == "document" else good, **parts)

    assert refusal(path).code == "xml-entities"


def test_row_68_it_sees_a_document_type_in_utf_16(tmp_path: Path) -> None:
    xml = papers.document_xml(papers.paragraph("x"), EXTERNAL.replace('"1.0"', '"1.0" encoding="UTF-16"'))
    path = papers.word(tmp_path / "x.docx", xml.decode().encode("utf-16"))

    assert refusal(path).code == "xml-entities"


def test_it_survives_xml_nested_beyond_the_parsers_depth(tmp_path: Path) -> None:
    path = papers.word(tmp_path / "deep.docx", papers.document_xml("<w:sdt>" * 5_000 + "</w:sdt>" * 5_000))

    assert refusal(path).code == "broken"


def test_every_code_has_a_class_of_its_own() -> None:
    assert len(parse_errors.BY_CODE) == len(parse_errors._CLASSES)
    assert parse_errors.error_of("never-heard", {}).code == "broken"
