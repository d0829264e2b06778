"""Measures the rules by which a question gets a curated answer."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import AppError
from apps.evaluation.closeness import KINDS, SETS, Judged, judge, load
from apps.rag.scales import cosine_floor
from apps.rag.search import SearchTools
from apps.runtimes.contracts import RuntimeFailure

COSINES = (0.93, 0.95, 0.96, 0.97, 0.98)


class Command(BaseCommand):
    help = "Compares questions that ask for the same, and others that only look so, by the rules for curated answers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--misses", action="store_true", help="print every pair that is judged wrongly")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            tools = SearchTools.default()
            floor = cosine_floor(tools.model.name)
            judged = {name: judge(list(load(name)), tools.embedder, floor) for name in SETS}
        except (AppError, RuntimeFailure) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({name: _figures(pairs) for name, pairs in judged.items()}))
            return
        for name, pairs in judged.items():
            self.stdout.write(f"{name} (cosine of at least {', '.join(map(str, COSINES))})")
            self._table(pairs)
            if options["misses"]:
                self._misses(pairs)

    def _table(self, pairs: Sequence[Judged]) -> None:
        for language in ("en", "zh"):
            of = [each for each in pairs if each.pair.language == language]
            for kind, label in KINDS.items():
                some = [each for each in of if each.pair.differs == kind]
                given = sum(each.verdict.is_same for each in some)
                by_cosine = "  ".join(f"{sum(each.cosine >= least for each in some):3}" for least in COSINES)
                self.stdout.write(
                    f"  {language} {label:15} {given:3} of {len(some):3} given; by cosine alone: {by_cosine}"
                )

    def _misses(self, pairs: Sequence[Judged]) -> None:
        for each in pairs:
            if each.verdict.is_same != (not each.pair.differs):
                against = each.verdict.against or "given"
                self.stdout.write(f"    {against:10} {each.cosine:.3f}  {each.pair.wording}  |  {each.pair.question}")


def _figures(pairs: Sequence[Judged]) -> dict[str, float]:
    same = [each for each in pairs if not each.pair.differs]
    other = [each for each in pairs if each.pair.differs]
    return {
        "same": len(same),
        "same_given": round(sum(each.verdict.is_same for each in same) / len(same), 4),
        "other": len(other),
        "other_given": round(sum(each.verdict.is_same for each in other) / len(other), 4),
    }
