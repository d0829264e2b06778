"""`manage.py switch_embedding_model NAME`: change the embedding model; the workers of a running installation do it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.catalog.models import AIModel
from apps.core.errors import AppError
from apps.ingestion import switching
from apps.ingestion.errors import NoSuchModel
from apps.ingestion.models import ModelSwitch


class Command(BaseCommand):
    help = "Makes vectors of another embedding model beside the present ones, then searches with it. Resumable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", default="", help="Name of an installed embedding model.")
        parser.add_argument("--cancel", action="store_true", help="Give the change under way up.")
        parser.add_argument("--here", action="store_true", help="Do the work in this process, not in the workers.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: object, **options: Any) -> None:
        try:
            switch = self._cancel() if options["cancel"] else self._start(options["name"])
        except AppError as error:
            raise CommandError(f"{error.title}: {error}") from error
        if options["here"] and not options["cancel"]:
            switching.carry_on()
        self._print(switch, as_json=options["json"])

    def _cancel(self) -> ModelSwitch | None:
        switch = switching.running()
        if switch is not None:
            switching.cancel(user=None, switch=switch)
        return switch

    def _start(self, name: str) -> ModelSwitch | None:
        """Begin a change, or tell of the one under way where no name is given."""
        if not name:
            return switching.running()
        model = AIModel.objects.filter(name=name).first()
        if model is None:
            raise NoSuchModel(model=name)
        running = switching.running()
        return running if running and running.new_id == model.pk else switching.start(user=None, new=model)

    def _print(self, switch: ModelSwitch | None, *, as_json: bool) -> None:
        if switch is not None:
            switch.refresh_from_db()
        shown = {"state": "none"} if switch is None else _facts(switch)
        line = ", ".join(f"{name} {value}" for name, value in shown.items())
        self.stdout.write(json.dumps(shown) if as_json else line)


def _facts(switch: ModelSwitch) -> dict[str, Any]:
    return {
        "state": switch.state,
        "from": switch.old.name if switch.old else "",
        "to": switch.new.name,
        "done": switch.done,
        "total": switch.total,
        "seconds": round(switch.seconds, 1),
    }
