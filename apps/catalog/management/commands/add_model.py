"""Adds a model folder that the operator downloaded."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.catalog.adding import KINDS, NotAdded, add_folder


class Command(BaseCommand):
    help = (
        "Copies a sentence-transformers folder (config.json, tokenizer, model.safetensors) into KB_VAR_DIR/models, "
        "tries it and enters it in the catalogue. A first rerank model is used at once, an embedding model after a "
        "switch."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--kind", choices=[str(kind) for kind in KINDS], required=True)
        parser.add_argument("--name", default="", help="short name; the folder's where none is given")
        parser.add_argument("--title", default="", help="name that people see")
        parser.add_argument("--licence", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        chosen = {name: options[name] for name in ("kind", "name", "title", "licence")}
        try:
            model = add_folder(options["folder"], **chosen)
        except NotAdded as error:
            raise CommandError(str(error)) from error
        used = "used from now on" if model.is_default else "not used yet"
        self.stdout.write(f"{model.name} ({model.get_kind_display()}) is installed and {used}.")
