"""`manage.py train_demo_image_model`: train the demonstration image model anew; needs no database."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.catalog.manifest import BUNDLED
from apps.images.management.wording import table
from apps.runtimes.diffusion.demo.making import NotGoodEnough, make
from apps.runtimes.diffusion.demo.recipe import Effort


class Command(BaseCommand):
    help = "Train the demonstration image model (half an hour of one core), and keep it if it passes its bars."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seeds", type=int, default=20, help="pictures of each colour and shape to judge")
        parser.add_argument("--seed", type=int, default=Effort().seed, help="of the training")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            measured = make(
                settings.VAR_DIR / "demo-image-model",
                BUNDLED / "shapes-demo",
                effort=Effort(seed=options["seed"]),
                seeds=options["seeds"],
                report=self._report,
            )
        except NotGoodEnough as error:
            raise CommandError(str(error)) from error
        self.stdout.write(table(measured))

    def _report(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
