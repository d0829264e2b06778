"""What the commands for shells share: JSON on request, one sentence and exit code 1 on an expected failure."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import AppError


class ShellCommand(BaseCommand):
    """A command whose `run` returns what it prints: an object for `--json`, else `sentence(object)`."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Add --json to every command."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, print, and turn an expected failure into one sentence."""
        try:
            result = self.run(options)
        except AppError as error:
            raise CommandError(error.sentence()) from None
        self.stdout.write(json.dumps(result, ensure_ascii=False) if options["json"] else self.sentence(result))

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do the work; return the JSON object."""
        raise NotImplementedError

    def sentence(self, result: dict[str, Any]) -> str:
        """Return the result for people."""
        raise NotImplementedError
