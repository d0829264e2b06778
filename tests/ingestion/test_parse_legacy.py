"""Office files before 2007, and new ones behind a password: LibreOffice in the child, or a sentence that says so."""

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from apps.ingestion import parse_errors
from apps.ingestion.parsers import doc, office_legacy, ppt, xlsx
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

    with pytest.raises(Refused) as refused:
        doc.parse(office.Desk().task(old))

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
