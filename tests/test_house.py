"""The house's own rules, checked on every file."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from kb_project.env import BASE_DIR, Env, settings_table

LONGEST_FILE = 400
LONGEST_FUNCTION = 50
BROAD_EXCEPT_EDGES = (
    "apps/*/tasks.py",
    "apps/images/assistant_tasks.py",
    "apps/ingestion/parsers/child.py",
    "apps/chat/consumers.py",
    "apps/runtimes/*.py",
    "apps/runtimes/llama/engine.py",
    "apps/*/middleware.py",
    "apps/core/postgres/*.py",  # put a connection right, and raise again
)


def tracked(*patterns: str) -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return [BASE_DIR / line for line in done.stdout.splitlines() if (BASE_DIR / line).is_file()]


def sources() -> list[Path]:
    return [path for path in tracked("*.py") if "migrations" not in path.parts and "vendor" not in path.parts]


def name(path: Path) -> str:
    return str(path.relative_to(BASE_DIR))


def test_it_keeps_files_and_functions_short() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for path in sources()}
    functions = {
        f"{name(path)}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {file: lines for file, lines in lengths.items() if lines > LONGEST_FILE} == {}
    assert {function: lines for function, lines in functions.items() if lines > LONGEST_FUNCTION} == {}


def test_it_has_no_module_named_utils() -> None:
    assert not [name(path) for path in sources() if path.stem in {"utils", "helpers", "constants", "common", "misc"}]


def test_it_catches_everything_only_at_the_edges() -> None:
    inside = [
        path
        for path in sources()
        if not name(path).startswith("tests/") and not any(path.match(edge) for edge in BROAD_EXCEPT_EDGES)
    ]

    assert [place for path in inside for place in _broad_excepts(path)] == []


def _broad_excepts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler) and _catches_all(node.type):
            yield f"{name(path)}:{node.lineno}"


def _catches_all(caught: ast.expr | None) -> bool:
    return caught is None or (isinstance(caught, ast.Name) and caught.id in {"Exception", "BaseException"})


def test_it_describes_every_setting() -> None:
    text = (BASE_DIR / "docs" / "operations.md").read_text()

    assert settings_table() in text, "refresh the table: python -m kb_project.env"
    assert not [field for field, info in Env.model_fields.items() if not info.description]


def test_it_has_no_inline_script_or_style_in_templates() -> None:
    bad = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<style|\son[a-z]+=\"|javascript:", re.IGNORECASE)

    pages = [path for path in tracked("templates/*.html") if "mail" not in path.parts]  # no style sheet reaches a mail
    assert not [name(path) for path in pages if bad.search(path.read_text())]


def test_it_inserts_no_html_made_in_the_browser() -> None:
    """Only HTML that the server rendered and cleaned may be inserted, and each place says so."""
    # An assignment or a call; htmx's `swap: "innerHTML"` names a way of swapping in what the server sent.
    sinks = re.compile(r"\.(inner|outer)HTML\s*\+?=|insertAdjacentHTML|document\.write|eval\(|new Function")
    places = [
        f"{name(path)}:{number}"
        for path in tracked("static/js/*.js")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if sinks.search(line) and "server-rendered" not in line
    ]

    assert not places


def test_it_names_no_registry_and_no_path_of_a_machine() -> None:
    bad = re.compile(
        r"/work/|pypi\.org|files\.pythonhosted|registry\.npmjs|deb\.debian\.org|huggingface\.co|cdn\.|unpkg\.com|jsdelivr"
    )
    texts = [
        path
        for path in tracked()
        if path.suffix in {".py", ".html", ".css", ".js", ".md", ".toml", ".txt", ".yml", ""}
        and "vendor" not in path.parts
        and path != Path(__file__)
    ]

    assert not [name(path) for path in texts if bad.search(path.read_text(errors="ignore"))]


def test_it_reads_pickles_nowhere() -> None:
    """security-cases 77: loading a pickle runs code."""
    bad = re.compile(r"\b(import (pickle|joblib|dill|shelve)|torch\.load\(|yaml\.load\()")

    assert not [name(path) for path in sources() if bad.search(path.read_text()) and path != Path(__file__)]
