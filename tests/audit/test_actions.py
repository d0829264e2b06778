"""Every action that the product records has a name for people."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from apps.audit.actions import OTHERS, family_of, has_words
from kb_project.settings import BASE_DIR

ACTION = re.compile(r"[a-z-]+\.[a-z-]+")
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


def test_it_names_every_action_that_the_code_records() -> None:
    found = {action for path in (BASE_DIR / "apps").rglob("*.py") for action in _recorded(path)}
    assert len(found) > 80  # or the search found nothing
    assert sorted(action for action in found if not has_words(action)) == []
    assert sorted(action for action in found if family_of(action) is OTHERS) == []
