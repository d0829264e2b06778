"""`manage.py evaluate_parsing`: how each row of a manifest is judged, and the report."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.ingestion.parsing_trial import Row, contains
from tests.ingestion import papers

HEAD = "file,kind,licence,why_hard,expected,phrase,needs,bytes,sha256,source\n"


def report(folder: Path, *rows: str) -> dict[str, Any]:
    (folder / "MANIFEST.csv").write_text(HEAD + "".join(f"{row},,,\n" for row in rows))
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("evaluate_parsing", str(folder), "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_it_judges_what_must_be_read_and_what_must_be_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A walrus lives  here.")
    (tmp_path / "b.txt").write_text("A seal.")
    (tmp_path / "c.bin").write_bytes(b"MZ" + bytes(99))
    papers.prose_pdf(tmp_path / "d.pdf", encrypt="sesame")

    found = report(
        tmp_path,
        "a.txt,txt,x,x,must_parse,WALRUS livesHere,",
        "b.txt,txt,x,x,must_parse,walrus,",
        "b.txt,txt,x,x,must_fail_cleanly,,",
        "c.bin,bin,x,x,must_fail_cleanly,,",
        "c.bin,bin,x,x,must_parse,words,soft: may be refused",
        "d.pdf,pdf,x,x,must_fail_cleanly,,password:sesame",
    )

    assert found["ok"] is False
    assert found["must_parse"] == {"files": 3, "passed": 2, "soft": 1}
    assert found["must_fail"] == {"files": 3, "passed": 2}
    assert found["passwords"] == {"files": 1, "opened": 1}
    assert [(miss["file"], miss["why"]) for miss in found["misses"]] == [
        ("b.txt", "the phrase is missing"),
        ("b.txt", "was read"),
    ]
    assert found["codes"] == {"unsupported-format": 2, "encrypted": 1}
    assert [row["kind"] for row in found["kinds"]] == ["bin", "pdf", "txt"]


def test_it_prints_a_table_and_meets_its_bars(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A walrus lives here.")
    (tmp_path / "MANIFEST.csv").write_text(f"{HEAD}a.txt,txt,x,x,must_parse,walrus,,,,\n")
    out = io.StringIO()

    call_command("evaluate_parsing", str(tmp_path), stdout=out)

    assert "must parse: 1 of 1 (100.0 %)" in out.getvalue()
    assert "bars: met" in out.getvalue()


def test_it_needs_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        call_command("evaluate_parsing", str(tmp_path))


@pytest.mark.parametrize(
    ("needs", "password"),
    [("password:abc", "abc"), ("password:a b; recover_ok", "a b"), ("password:(unknown)", None), ("password", None)],
)
def test_it_takes_the_password_from_what_a_row_needs(needs: str, password: str | None) -> None:
    assert Row("a", "pdf", "must_fail_cleanly", "", needs).password == password


def test_it_ignores_white_space_and_case() -> None:
    assert contains("Die  Straße\n", "die strasse")
