"""`manage.py evaluate_image_model`: does the demonstration model draw what it is asked for? Needs no database."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.catalog.manifest import BUNDLED
from apps.images.management.wishes import ProductDrawing
from apps.images.management.wording import table
from apps.runtimes.diffusion.demo.drawing import RawDrawing, load
from apps.runtimes.diffusion.demo.measuring import measure
from apps.runtimes.diffusion.demo.palette import GUIDANCE, STEPS
from apps.runtimes.diffusion.engine import load_image_model
from apps.runtimes.spec import RuntimeSpec

_NAME = "shapes-demo"
_FOLDER = BUNDLED / _NAME


class Command(BaseCommand):
    help = "Draws and judges every colour and shape; exit code 1 where a bar is missed."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seeds", type=int, default=20)
        parser.add_argument("--steps", type=int, default=STEPS)
        parser.add_argument("--guidance", type=float, default=GUIDANCE)
        parser.add_argument(
            "--raw", action="store_true", help="draw with diffusers alone, not with the product's engine"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        kind = RawDrawing if options["raw"] else ProductDrawing
        model: Any = load(_FOLDER) if options["raw"] else load_image_model(RuntimeSpec(_NAME, "diffusers", _FOLDER))
        measured = measure(kind(model, steps=options["steps"], guidance=options["guidance"]), seeds=options["seeds"])
        if options["json"]:
            self.stdout.write(json.dumps(asdict(measured) | {"failures": measured.failures}))
        else:
            self.stdout.write(table(measured))
        if measured.failures:
            raise CommandError(f"Not good enough: {', '.join(measured.failures)}.")
