"""Every action that the product records has a name for people."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from apps.audit.actions import FAMILIES, OTHERS, family_of, has_words
from kb_project.settings import BASE_DIR

ACTION = re.compile(r"[a-z-]+\.[a-z-]+")
WRITERS = {"editing.py", "curated.py", "documents.py"}
RECORDERS = {"record", "tell", "_tell", "_record", "send"}


def _recorded(path: Path) -> Iterator[str]:
    """Yield the actions that a module names where it records one, also in a choice between two."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in RECORDERS:
            continue
        given = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "action")]
        for argument in given:
            for part in ast.walk(argument):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and ACTION.fullmatch(part.value):
                    yield part.value


def _chosen(path: Path) -> Iterator[str]:
    """Yield what a variable or an argument named `action` may be, in modules that record."""
    text = path.read_text(encoding="utf-8")
    if "audit" not in text:
        return
    prefixes = "|".join(one for family in FAMILIES.values() for one in map(re.escape, family.prefixes))
    yield from re.findall(rf'"((?:{prefixes})[a-z-]+)"', text)


def test_it_names_every_action_that_the_code_chooses() -> None:
    services = [path for path in (BASE_DIR / "apps/libraries").glob("*.py") if path.name in WRITERS]
    found = {action for path in services for action in _chosen(path)}
    assert {"chunk.edited", "answer.disabled", "documents.moved"} <= found
    assert sorted(action for action in found if not has_words(action)) == []


def test_it_names_every_action_that_the_code_records() -> None:
    found = {action for path in (BASE_DIR / "apps").rglob("*.py") for action in _recorded(path)}
    assert len(found) > 80  # or the search found nothing
    assert sorted(action for action in found if not has_words(action)) == []
    assert sorted(action for action in found if family_of(action) is OTHERS) == []
