"""`manage.py verify_invariants`: check what must always hold."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.core.invariants import names, verify


class Command(BaseCommand):
    help = "Checks what must always hold of the stored data; exit code 1 where something does not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object: ok, broken")

    def handle(self, *args: Any, **options: Any) -> None:
        broken = verify()
        if options["json"]:
            result = {"ok": not broken, "checks": names(), "broken": [asdict(violation) for violation in broken]}
            self.stdout.write(json.dumps(result, ensure_ascii=False))
        else:
            for violation in broken:
                self.stdout.write(f"{violation.check}: {violation.what}")
            self.stdout.write(f"{len(names())} checks, {len(broken)} violations.")
        if broken:
            raise SystemExit(1)
