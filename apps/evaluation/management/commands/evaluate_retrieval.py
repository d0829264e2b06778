"""Measures the real ingestion and retrieval over a folder with questions."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import AppError
from apps.evaluation.retrieval import Report, measure
from apps.evaluation.scratch import scratch_library
from apps.evaluation.sets import SetUnreadable, load
from apps.rag.options import SearchOptions
from apps.runtimes.contracts import RuntimeFailure


class Command(BaseCommand):
    help = (
        "Ingests corpus.jsonl {id,title,text} of DIR into a scratch team, searches queries.jsonl {id,text,gold} in it, "
        "prints recall, MRR and nDCG, and removes the team again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--limit", type=int, help="only the first N questions; the corpus stays whole")
        parser.add_argument("--method", choices=["convex", "rrf"], default=SearchOptions().method)
        parser.add_argument("--dense-weight", type=float, default=SearchOptions().dense_weight)
        parser.add_argument("--links", type=float, default=SearchOptions().links, help="0: follow no names")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *_args: Any, **options: Any) -> None:
        chosen = SearchOptions(method=options["method"], dense_weight=options["dense_weight"], links=options["links"])
        try:
            report = self._run(options["folder"], options["limit"], chosen)
        except (SetUnreadable, AppError, RuntimeFailure) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped; the scratch team is removed.", returncode=130) from None
        if options["json"]:
            self.stdout.write(json.dumps(report))
            return
        for name, value in report.items():
            self.stdout.write(f"{name:16} {value}")

    def _run(self, folder: Path, limit: int | None, options: SearchOptions) -> Report:
        evaluation = load(folder, limit=limit)
        began = time.perf_counter()
        with scratch_library(evaluation.sources, on_progress=self._show) as scratch:
            ingest_seconds = round(time.perf_counter() - began, 1)
            head: Report = {"docs": len(evaluation.sources), "chunks": scratch.chunk_count()}
            return head | measure(scratch, evaluation.questions, options) | {"ingest_seconds": ingest_seconds}

    def _show(self, done: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {total} documents", ending="")
