"""The performance report: ratios against the raw libraries, measured in this run, each with its raw figures."""

from argparse import ArgumentParser
from collections.abc import Callable
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from apps.core.commands import ShellCommand
from apps.evaluation.bench import BENCHMARKS, LONG
from apps.evaluation.sets import SetUnreadable
from apps.runtimes.contracts import RuntimeFailure


class Command(ShellCommand):
    help = "Measure the product against the raw libraries; stop the workers first, they share the cores."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--only", action="append", choices=sorted(BENCHMARKS), help="measure this alone; repeatable"
        )

        parser.add_argument(
            "--data", type=Path, help="a folder with corpus.jsonl for what measures uploads, quality and search"
        )

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, path in BENCHMARKS.items():
            if name in (options["only"] or BENCHMARKS.keys() - LONG):
                module, _, function = path.rpartition(".")
                try:
                    found |= _call(getattr(import_module(module), function), options["data"])
                except (RuntimeFailure, SetUnreadable) as error:
                    raise CommandError(f"{name}: {error}") from error
        return found

    def sentence(self, result: dict[str, Any]) -> str:
        return "\n".join(f"{name}: {figure}" for name, figure in result.items())


def _call(benchmark: Callable[..., dict[str, Any]], data: Path | None) -> dict[str, Any]:
    """Run one benchmark; those that read a data set get the folder."""
    return benchmark(data=data) if "data" in signature(benchmark).parameters else benchmark()
