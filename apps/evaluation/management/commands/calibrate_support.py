"""Prints how well support separates what is answered from what is not, and the weights that would fit best."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import AppError
from apps.evaluation.calibration import Rows, by_kind, fitted, question_rows, sentence_rows, table
from apps.evaluation.scratch import scratch_library
from apps.evaluation.sets import SetUnreadable, load
from apps.rag.grounding import UNSUPPORTED_BELOW, WEAK_BELOW
from apps.rag.support import WEIGHTS
from apps.rag.tools import build_tools
from apps.runtimes.contracts import RuntimeFailure


class Command(BaseCommand):
    help = (
        "Searches the questions of each DIR as they are and with the documents that answer them left out, and compares "
        "true and altered sentences with their passages. Prints what the scores of rag.support and rag.grounding are "
        "worth at each threshold, and the weights that fit these sets best."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
        parser.add_argument("--limit", type=int, default=150, help="questions of each set")
        parser.add_argument(
            "--doubtful",
            nargs="*",
            default=[],
            metavar="NAME",
            help="sets whose documents answer one another's questions: what is left out there weighs a tenth",
        )
        parser.add_argument("--only", choices=["questions", "sentences"])

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["only"] != "questions":
                self._sentences(options["folders"], options["limit"])
            if options["only"] != "sentences":
                self._questions(options["folders"], options["limit"], options["doubtful"])
        except (SetUnreadable, AppError, RuntimeFailure) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped; the scratch team is removed.", returncode=130) from None

    def _sentences(self, folders: Sequence[Path], limit: int) -> None:
        sets = [sentence_rows(folder.name, load(folder), limit) for folder in folders]
        sets = [rows for rows in sets if len(rows.labels)]
        self._write("Sentences, as the product judges them", by_kind(sets, WEAK_BELOW, UNSUPPORTED_BELOW))
        self._fits("Sentences", sets, slice(None))

    def _questions(self, folders: Sequence[Path], limit: int, doubtful: Sequence[str]) -> None:
        sets: list[Rows] = []
        for folder in folders:
            evaluation = load(folder, limit=limit)
            with scratch_library(evaluation.sources) as scratch:
                tools = build_tools(scope=scratch.scope, mode="quote")
                rows = question_rows(folder.name, scratch, evaluation, tools, self._show)
            sets.append(replace(rows, is_doubtful=folder.name in doubtful))
        told = np.concatenate([rows.supports for rows in sets])
        self._write("Questions, as the product judges them", table(sets, told))
        searched = [*range(len(WEIGHTS)), -1]
        self._fits("Questions by the search", _columns(sets, searched), slice(None))
        self._fits("Questions by the search and the best sentences", sets, slice(None))

    def _fits(self, title: str, sets: Sequence[Rows], columns: slice) -> None:
        found = fitted(sets, columns)
        self._write(f"{title}, fitted, no question seen before", table(sets, found.by_question))
        if len(sets) > 1:
            self._write(f"{title}, fitted, no set seen before", table(sets, found.by_set))
        weights = ", ".join(f"{weight:.2f}" for weight in found.model.weights)
        self.stdout.write(f"base {found.model.base:.2f}, weights ({weights})\n")

    def _write(self, title: str, lines: Sequence[str]) -> None:
        self.stdout.write("\n".join((title, *lines, "")))

    def _show(self, done: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} questions", ending="")


def _columns(sets: Sequence[Rows], columns: Sequence[int]) -> list[Rows]:
    return [replace(rows, features=rows.features[:, columns]) for rows in sets]
