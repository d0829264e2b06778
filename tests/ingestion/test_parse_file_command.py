"""`manage.py parse_file`: its exit codes and its JSON."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.ingestion import papers


def run(path: Path, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    more = [f"--{key}={value}" for key, value in options.items()]
    call_command("parse_file", str(path), "--json", *more, stdout=out)
    return json.loads(out.getvalue())


def test_it_prints_the_blocks_of_a_file(tmp_path: Path) -> None:
    found = run(papers.prose_pdf(tmp_path / "paper.pdf"))

    assert (found["status"], found["code"], found["pages"]) == ("ok", "", 1)
    assert found["text"] == "A walrus lives here."
    assert set(found["blocks"][0]) == {"page", "bbox", "kind", "heading_path", "text"}
    assert found["blocks"][0]["page"] == 1
    assert found["seconds"] >= 0


def test_it_exits_with_1_and_the_code_when_it_refuses(tmp_path: Path) -> None:
    path = papers.prose_pdf(tmp_path / "locked.pdf", encrypt="sesame")
    out = io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("parse_file", str(path), "--json", stdout=out)

    found = json.loads(out.getvalue())
    assert ended.value.code == 1
    assert (found["status"], found["code"], found["blocks"]) == ("refused", "encrypted", [])
    assert run(path, password="sesame")["status"] == "ok"


def test_it_says_in_words_why_it_refuses(tmp_path: Path) -> None:
    path = tmp_path / "music.pdf"
    path.write_bytes(b"fLaC" + bytes(64))
    err = io.StringIO()

    with pytest.raises(SystemExit):
        call_command("parse_file", str(path), stderr=err)

    assert "refused (mislabelled)" in err.getvalue()


def test_it_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as failed:
        call_command("parse_file", str(tmp_path / "nothing.pdf"))

    assert failed.value.returncode == 1


def test_it_keeps_the_marks_of_markdown_and_writes_other_tables_by_tabs(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("## Limits\n\n| City | Limit |\n|---|---|\n| Bern | 200 |\n")
    (tmp_path / "a.html").write_text("<html><table><tr><td>City<td>Limit<tr><td>Bern<td>200</table></html>")

    assert run(tmp_path / "a.md")["text"] == "## Limits\n\n| City | Limit |\n| --- | --- |\n| Bern | 200 |"
    assert run(tmp_path / "a.html")["text"] == "City\tLimit\nBern\t200"
