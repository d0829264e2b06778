"""Measures the whole way from a question to a cited answer over a folder with questions."""

import json
import time
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.catalog.models import AIModel
from apps.core.errors import AppError
from apps.evaluation.answers import Answered, Report, ask, run, score
from apps.evaluation.scratch import Scratch, scratch_library
from apps.evaluation.sets import EvaluationSet, Question, SetUnreadable, load
from apps.rag.tools import build_tools
from apps.runtimes.contracts import RuntimeFailure


class Command(BaseCommand):
    help = (
        "Ingests corpus.jsonl {id,title,text} of DIR into a scratch team, answers queries.jsonl {id,text,gold,answers} "
        "from it (an empty gold: nothing answers it), prints how good the answers are, and removes the team again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--limit", type=int, help="only the first N questions; the corpus stays whole")
        parser.add_argument("--mode", choices=["auto", "generate", "quote"], default="auto")
        parser.add_argument("--model", default="", help="name of a chat model of the catalogue; else the default one")
        parser.add_argument("--details", type=Path, help="write every answer to this file, one JSON object a line")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            report, results = self._run(
                load(options["folder"], limit=options["limit"]), options["mode"], options["model"]
            )
        except (SetUnreadable, AppError, RuntimeFailure) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped; the scratch team is removed.", returncode=130) from None
        if options["details"]:
            lines = (json.dumps(asdict(each) | {"cited": sorted(each.cited)}, ensure_ascii=False) for each in results)
            options["details"].write_text("\n".join(lines) + "\n", encoding="utf-8")
        if options["json"]:
            self.stdout.write(json.dumps(report))
            return
        for name, value in report.items():
            self.stdout.write(f"{name:19} {value}")

    def _run(self, evaluation: EvaluationSet, mode: str, name: str) -> tuple[Report, list[Answered]]:
        model = _model(name)
        began = time.perf_counter()
        with scratch_library(evaluation.sources, on_progress=self._show_documents) as scratch:
            ingest_seconds = round(time.perf_counter() - began, 1)
            results = self._answer(scratch, evaluation, mode, model)
        return score(results) | {"mode": mode, "ingest_seconds": ingest_seconds}, results

    def _answer(self, scratch: Scratch, evaluation: EvaluationSet, mode: str, model: AIModel | None) -> list[Answered]:
        tools = build_tools(scope=scratch.scope, mode=mode, model=model)
        for question in evaluation.questions[:1]:  # loads the models: their time is not an answer's
            ask(tools, Question("", question.text, (), ()), scratch.sources)
        return list(run(tools, evaluation.questions, scratch.sources, on_answer=self._show_answers))

    def _show_documents(self, done: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {total} documents", ending="")

    def _show_answers(self, done: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} answers", ending="")


def _model(name: str) -> AIModel | None:
    if not name:
        return None
    model = AIModel.objects.filter(name=name, kind=AIModel.Kind.CHAT).first()
    if model is None:
        raise CommandError(f"The catalogue has no chat model named {name!r}.")
    return model
