"""`manage.py evaluate_image_model`: does the demonstration model draw what it is asked for? Needs no database."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.catalog.manifest import BUNDLED
from apps.images.management.wording import table
from apps.runtimes.diffusion.demo.drawing import RawDrawing, load
from apps.runtimes.diffusion.demo.measuring import measure
from apps.runtimes.diffusion.demo.palette import GUIDANCE, STEPS


class Command(BaseCommand):
    help = "Draws and judges every colour and shape; exit code 1 where a bar is missed."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seeds", type=int, default=20)
        parser.add_argument("--steps", type=int, default=STEPS)
        parser.add_argument("--guidance", type=float, default=GUIDANCE)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        pipeline = load(BUNDLED / "shapes-demo")
        draw = RawDrawing(pipeline, steps=options["steps"], guidance=options["guidance"])
        measured = measure(draw, seeds=options["seeds"])
        if options["json"]:
            self.stdout.write(json.dumps(asdict(measured) | {"failures": measured.failures}))
        else:
            self.stdout.write(table(measured))
        if measured.failures:
            raise CommandError(f"Not good enough: {', '.join(measured.failures)}.")
