"""`manage.py parse_file PATH`: what the parser makes of one file. Needs no services."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from apps.ingestion.parse_errors import ParseError
from apps.ingestion.parsers.host import Reading, limits_from_settings, read
from apps.ingestion.parsers.plain import plain_text
from apps.ingestion.parsers.types import Task
from apps.libraries.types import Block


class Command(BaseCommand):
    help = "Reads one file with the real parser in its isolated child. Exit code 0: read, 1: refused."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--password", default=None, help="Password of an encrypted PDF.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: object, **options: Any) -> None:
        path: Path = options["path"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.", returncode=1)
        started = time.monotonic()
        try:
            reading = read(Task(str(path.resolve()), path.name, options["password"], limits_from_settings()))
        except ParseError as error:
            self._refuse(error, time.monotonic() - started, as_json=options["json"])
        else:
            with reading:
                self._show(reading, as_json=options["json"])

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

    def _show(self, reading: Reading, *, as_json: bool) -> None:
        parsed = reading.parsed
        if not as_json:
            self.stdout.write(
                f"{reading.kind}, {parsed.pages} pages, {len(parsed.blocks)} blocks, {reading.seconds:.2f} s\n"
            )
            self.stdout.write(plain_text(reading.kind, parsed))
            return
        answer = {
            "status": "ok",
            "code": "",
            "kind": reading.kind,
            "title": parsed.title,
            "language": parsed.language,
            "pages": parsed.pages,
            "seconds": round(reading.seconds, 3),
            "peak_mib": round(reading.peak_mib),
            "text": plain_text(reading.kind, parsed),
            "blocks": [_block(block) for block in parsed.blocks],
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
