"""The Chinese of the product: complete, with the same placeholders, and compiled without GNU gettext."""

import ast
import gettext
import io
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

from kb_project.env import BASE_DIR
from kb_project.messages import Entry, compiled, read

CATALOGUE = BASE_DIR / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
MARKERS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
STRING = r"u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
CALL = re.compile(rf"\b(?:_|gettext|ngettext)\(\s*{STRING}")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def entries() -> list[Entry]:
    return read(CATALOGUE.read_text(encoding="utf-8"))[1:]


def source_files(folder: str, suffix: str) -> Iterator[Path]:
    return (path for path in (BASE_DIR / folder).rglob(f"*{suffix}") if "migrations" not in path.parts)


def messages_of_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKERS and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def messages_of_template(path: Path) -> Iterator[str]:
    for literal in CALL.findall(templatize(path.read_text(encoding="utf-8"))):
        yield ast.literal_eval(literal)


def test_it_knows_every_message_of_the_code_and_the_templates() -> None:
    wanted = {
        message: path.relative_to(BASE_DIR)
        for folder in ("apps", "kb_project")
        for path in source_files(folder, ".py")
        for message in messages_of_python(path)
    }
    for suffix in (".html", ".txt"):
        wanted |= {
            m: path.relative_to(BASE_DIR)
            for path in source_files("templates", suffix)
            for m in messages_of_template(path)
        }
    known = {entry.message for entry in entries()}
    assert {message: str(path) for message, path in wanted.items() if message not in known} == {}


def test_it_has_translated_every_message() -> None:
    assert [entry.message for entry in entries() if not entry.is_translated] == []


def test_it_keeps_the_placeholders() -> None:
    assert [entry.message for entry in entries() if _placeholders(entry.value) != _placeholders(_plainest(entry))] == []


def _placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


def _plainest(entry: Entry) -> str:
    return entry.plural or entry.message


def test_it_compiles_what_gettext_reads() -> None:
    source = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=1; plural=0;\\n"\n\n'
    source += 'msgid "library"\nmsgstr ""\n"知识"\n"库"\n\n'
    source += 'msgctxt "menu"\nmsgid "open"\nmsgstr "打开"\n\n'
    source += 'msgid "%(n)s page"\nmsgid_plural "%(n)s pages"\nmsgstr[0] "%(n)s 页"\n\n'
    source += '#, fuzzy\nmsgid "unsure"\nmsgstr "也许"\n\n#~ msgid "gone"\n#~ msgstr "没了"\n'
    catalogue = gettext.GNUTranslations(io.BytesIO(compiled(read(source))))  # type: ignore[arg-type]  # any binary reader will do
    assert catalogue.gettext("library") == "知识库"
    assert catalogue.pgettext("menu", "open") == "打开"
    assert catalogue.ngettext("%(n)s page", "%(n)s pages", 3) == "%(n)s 页"
    assert catalogue.gettext("unsure") == "unsure"
