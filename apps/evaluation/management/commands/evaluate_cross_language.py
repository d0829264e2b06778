"""Measures Chinese questions to English documents, and the reverse."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import AppError
from apps.evaluation.cross_language import evaluate, load_rules
from apps.runtimes.contracts import RuntimeFailure


class Command(BaseCommand):
    help = (
        "Asks the questions of our own parallel set in each language of documents in the other, in their own and in "
        "both, and prints nDCG@10 of the whole ranking beside that of the vectors alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            rows = evaluate(load_rules())
        except (AppError, RuntimeFailure) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped; the scratch team is removed.", returncode=130) from None
        if options["json"]:
            self.stdout.write(json.dumps({"rows": [asdict(row) | {"difference": row.difference} for row in rows]}))
            return
        self.stdout.write("asked  documents  queries  nDCG@10  vectors alone  difference  recall@1")
        for row in rows:
            self.stdout.write(
                f"{row.asked:6} {row.documents:9} {row.queries:8} {row.ndcg:8.4f} {row.ndcg_dense:14.4f} "
                f"{row.difference:+11.4f} {row.recall_at_1:9.4f}"
            )
