"""Office files before 2007, and new ones behind a password: LibreOffice in the child, or a sentence that says so."""

import os
import shutil
import stat
import struct
import sys
from pathlib import Path

import pytest

from apps.ingestion import parse_errors
from apps.ingestion.parsers import doc, office_legacy, ppt, slides_binary, word_binary, xlsx
from apps.ingestion.parsers.types import ParseLimits, Refused
from tests.ingestion import office, papers

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1_016)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a file that a converter may take for an old Word document."""
    path = tmp_path / "upload"
    path.write_bytes(OLE)
    return path


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put a program in LibreOffice's place that gets its arguments and leaves a note of them."""
    program = tmp_path / "soffice"
    lines = [f"#!{sys.executable}", "import shutil, sys, time, pathlib", "told = dict(zip(sys.argv, sys.argv[1:]))"]
    program.write_text("\n".join([*lines, f"log = pathlib.Path({str(tmp_path / 'told')!r})", script]))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(shutil, "which", lambda _name: str(program))
    return program


def test_it_says_so_where_there_is_no_libreoffice(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)

    for parse in (doc.parse, ppt.parse):
        with pytest.raises(Refused) as refused:
            parse(office.Desk().task(old))
        assert refused.value.code == "needs-libreoffice"
    assert "LibreOffice" in parse_errors.error_of(refused.value.code, refused.value.params).sentence()


def test_it_reads_what_libreoffice_made_and_leaves_nothing_behind(
    tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = papers.word(tmp_path / "made.docx", papers.document_xml(papers.paragraph("Old words")))
    script = (
        "log.write_text('\\n'.join(sys.argv)); out = pathlib.Path(told['--outdir']); out.mkdir()\n"
        f"shutil.copy({str(made)!r}, out / 'source.docx')"
    )
    stand_in(tmp_path, monkeypatch, script)

    parsed = doc.parse(office.Desk().task(old))

    told = (tmp_path / "told").read_text().split("\n")
    assert [block.text for block in parsed.blocks] == ["Old words"]
    assert told[-1].endswith("/source.doc")
    profile = next(each for each in told if each.startswith("-env:UserInstallation=file://"))
    assert not Path(profile.partition("file://")[2]).parent.exists()


def binary(text: str, notes: str = "", *, is_narrow: bool = False, settings: bytes = b"") -> tuple[bytes, bytes]:
    """Return the streams WordDocument and 0Table of Word 97; `settings` is a page of paragraph properties."""
    words = text + notes
    data = words.encode("cp1252" if is_narrow else "utf-16-le")
    head = bytearray(1_536 + 512 * bool(settings))
    struct.pack_into("<HHHHHH", head, 0, 0xA5EC, 193, 0, 0, 0, 0)
    struct.pack_into("<2i", head, 0x4C, len(text), len(notes))
    place = len(head)
    where = place * 2 | 0x40000000 if is_narrow else place
    pieces = struct.pack("<2I", 0, len(words)) + struct.pack("<HIH", 0, where, 0)
    clx = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    papx = struct.pack("<2I", 0, 99_999) + struct.pack("<I", 3) if settings else b""
    struct.pack_into("<2I", head, 0x01A2, 0, len(clx))
    struct.pack_into("<2I", head, 0x0102, len(clx), len(papx))
    head[1_536 : 1_536 + len(settings)] = settings
    return bytes(head) + data, clx + papx


def read_binary(*streams: bytes) -> list[tuple[str, str]]:
    task = office.Desk().task(Path("a.doc"))
    parsed = word_binary.read(task, streams[0], {"0Table": streams[1]})
    return [(block.kind, block.text) for block in parsed.blocks]


@pytest.mark.parametrize("is_narrow", [True, False])
def test_it_reads_the_bare_text_of_word_97_without_libreoffice(*, is_narrow: bool) -> None:
    text = 'First one\rSee \x13 HYPERLINK "x" \x14the link\x15\x02 now\x0btoo\r'

    found = read_binary(*binary(text, "\x02 Noted\r", is_narrow=is_narrow))

    assert found == [("text", "First one"), ("text", "See the link now\ntoo"), ("note", "Noted")]


def test_it_reads_headings_and_tables_of_word_97() -> None:
    """A page of paragraph properties ([MS-DOC] 2.9.174): where each run begins, and what is set there."""
    text = "Scope\rCity\x07Rent\x07\x07Bern\r(old)\x07900\x07\x07End\r"
    heading, cell, row, plain = b"\x01\x00", b"\x00\x00\x16\x24\x01", b"\x00\x00\x16\x24\x01\x17\x24\x01", b"\x00\x00"
    runs = [(0, heading), (6, cell), (16, row), (17, cell), (32, row), (33, plain)]
    page = bytearray(512)
    page[511] = len(runs)
    for at, (first, properties) in enumerate(runs):
        struct.pack_into("<I", page, 4 * at, 2_048 + 2 * first)
        place = 400 + 16 * at
        page[4 * (len(runs) + 1) + 13 * at] = place // 2
        page[place : place + 2 + len(properties)] = bytes((0, len(properties) // 2 + len(properties) % 2)) + properties

    assert read_binary(*binary(text, settings=bytes(page))) == [
        ("heading", "Scope"),
        ("table", "| City | Rent |\n| --- | --- |\n| Bern<br>(old) | 900 |"),
        ("text", "End"),
    ]


@pytest.mark.parametrize(
    ("main", "code"),
    [
        pytest.param(b"", "broken", id="no stream"),
        pytest.param(bytes(2_000), "broken", id="another format"),
        pytest.param(struct.pack("<6H", 0xA5EC, 193, 0, 0, 0, 0x0100) + bytes(2_000), "encrypted", id="locked"),
        pytest.param(struct.pack("<6H", 0xA5EC, 193, 0, 0, 0, 0) + bytes(2_000), "broken", id="no pieces"),
        pytest.param(struct.pack("<6H", 0xA5DC, 101, 0, 0, 0, 4) + bytes(2_000), "needs-libreoffice", id="saved fast"),
    ],
)
def test_it_refuses_old_word_with_a_code(main: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read_binary(main, b"")

    assert refused.value.code == code


def record(kind: int, *contents: bytes, instance: int = 0, is_container: bool = False) -> bytes:
    data = b"".join(contents)
    return struct.pack("<HHI", instance << 4 | (0xF if is_container else 0), kind, len(data)) + data


def said(kind: int, text: str) -> bytes:
    """Return the atoms of a text: its kind, and its characters, in one byte each where they allow that."""
    words = record(4_008, text.encode("latin-1")) if text.isascii() else record(4_000, text.encode("utf-16-le"))
    return record(3_999, struct.pack("<I", kind)) + words


def test_it_reads_the_bare_text_of_old_slides_without_libreoffice() -> None:
    """Titles and bodies stand in the list of slides, boxes in the slides, notes by the key of theirs."""
    first, second = (record(1_011, struct.pack("<5I", 0, 0, 0, key, 0)) for key in (256, 257))
    listed = record(4_080, first, said(0, "Plan 计划"), said(1, "One\rTwo"), second, said(6, "End"), is_container=True)
    box = record(61_453, said(4, "Boxed"), is_container=True)
    slides = record(1_006, box, is_container=True) + record(1_006, said(0, "End"), is_container=True)
    master = record(1_008, record(1_009, bytes(8)), said(2, "Click to edit"), is_container=True)
    notes = record(
        1_008, record(1_009, struct.pack("<2I", 257, 0)), said(2, "Say bye."), said(4, "*"), is_container=True
    )

    parsed = slides_binary.read(office.Desk().task(Path("a.ppt")), listed + master + slides + notes)

    assert (parsed.pages, parsed.title) == (2, "Plan 计划")
    assert [(block.kind, block.text, block.page) for block in parsed.blocks] == [
        ("heading", "Plan 计划", 1),
        ("text", "One\nTwo", 1),
        ("text", "Boxed", 1),
        ("heading", "End", 2),
        ("note", "Say bye.", 2),
    ]


@pytest.mark.parametrize("cut", [1, 9, 25])
def test_it_stops_at_the_end_of_old_slides_that_are_cut_off(cut: int) -> None:
    whole = record(4_080, record(1_011, bytes(20)), said(0, "Title"), said(1, "Body words"), is_container=True)

    parsed = slides_binary.read(office.Desk().task(Path("a.ppt")), whole[:-cut])

    assert parsed.blocks[0].text == "Title"


def test_it_calls_a_file_broken_that_libreoffice_made_nothing_of(
    tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, "sys.exit(0)")

    with pytest.raises(Refused) as refused:
        ppt.parse(office.Desk().task(old))

    assert refused.value.code == "broken"


def test_it_ends_a_conversion_that_takes_too_long(tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office_legacy, "MIN_SECONDS", 0.5)
    stand_in(tmp_path, monkeypatch, "time.sleep(600)")

    with pytest.raises(Refused) as refused:
        doc.parse(office.Desk().task(old, limits=ParseLimits(wall_s=0.5)))

    assert refused.value.code == "parse-timeout"


def test_it_asks_for_the_password_of_a_locked_workbook(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(OLE)

    with pytest.raises(Refused) as refused:
        xlsx.parse(office.Desk().task(tmp_path / "a.xlsx"))

    assert refused.value.code == "encrypted"


@pytest.mark.parametrize(("password", "code"), [("sesame", ""), ("guess", "wrong-password")])
def test_it_opens_a_locked_workbook_with_its_password_only(tmp_path: Path, password: str, code: str) -> None:
    from msoffcrypto.format.ooxml import OOXMLFile  # noqa: PLC0415  a slow import

    kinds = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    ballast = {"xl/ballast.bin": os.urandom(20_000)}  # msoffcrypto locks no small file right
    sheets = {"S": office.sheet(office.row(1, "hidden", "words"))}
    plain = office.xlsx(tmp_path / "plain.xlsx", sheets, more={"[Content_Types].xml": kinds, **ballast})
    locked = tmp_path / "locked.xlsx"
    with plain.open("rb") as source, locked.open("wb") as target:
        OOXMLFile(source).encrypt("sesame", target)

    if code:
        with pytest.raises(Refused) as refused:
            xlsx.parse(office.Desk().task(locked, password))
        assert refused.value.code == code
    else:
        assert "hidden" in xlsx.parse(office.Desk().task(locked, password)).blocks[1].text
