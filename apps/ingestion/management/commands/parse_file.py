"""`manage.py parse_file PATH`: what the parser makes of one file. Needs no services."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from apps.ingestion.parse_errors import ParseError
from apps.ingestion.parsers.host import limits_from_settings
from apps.ingestion.parsers.types import Task
from apps.ingestion.whole import Whole, read_whole
from apps.libraries.types import Block


class Command(BaseCommand):
    help = (
        "Reads a file, and the files in it, with the real parser in its isolated child. Exit code 0: read, 1: refused."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--password", default=None, help="Password of an encrypted file.")
        parser.add_argument("--parts", action="store_true", help="Show the files in a mere container, such as a ZIP.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: object, **options: Any) -> None:
        path: Path = options["path"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.", returncode=1)
        started = time.monotonic()
        try:
            task = Task(str(path.resolve()), path.name, options["password"], limits_from_settings())
            whole = read_whole(task, is_opened=options["parts"])
        except ParseError as error:
            self._refuse(error, time.monotonic() - started, as_json=options["json"])
        else:
            self._show(whole, as_json=options["json"])

    def _refuse(self, error: ParseError, seconds: float, *, as_json: bool) -> None:
        with translation.override(None):
            sentence = error.sentence()
        if as_json:
            answer = {
                "status": "refused",
                "code": error.code,
                "detail": sentence,
                "params": dict(error.params),
                "pages": 0,
            }
            self.stdout.write(json.dumps({**answer, "seconds": round(seconds, 3), "text": "", "blocks": []}))
        else:
            self.stderr.write(f"refused ({error.code}): {sentence}")
        raise SystemExit(1)

    def _show(self, whole: Whole, *, as_json: bool) -> None:
        parsed = whole.parsed
        if not as_json:
            counts = f"{parsed.pages} pages, {len(parsed.blocks)} blocks, {len(whole.parts)} parts"
            self.stdout.write(f"{whole.kind}, {counts}, {whole.seconds:.2f} s\n")
            self.stdout.write(whole.text)
            return
        answer = {
            "status": "ok",
            "code": "",
            "kind": whole.kind,
            "title": parsed.title,
            "language": parsed.language,
            "facts": dict(parsed.facts),
            "pages": parsed.pages,
            "seconds": round(whole.seconds, 3),
            "peak_mib": round(whole.peak_mib),
            "text": whole.text,
            "blocks": [_block(block) for block in parsed.blocks],
            "parts": [{"name": part.name, "folder": part.folder, "code": part.code} for part in whole.parts],
        }
        self.stdout.write(json.dumps(answer, ensure_ascii=False))


def _block(block: Block) -> dict[str, Any]:
    box = block.box
    return {
        "page": block.page,
        "bbox": [box.x0, box.y0, box.x1, box.y1] if box else None,
        "kind": block.kind,
        "heading_path": list(block.heading_path),
        "text": block.text,
    }
