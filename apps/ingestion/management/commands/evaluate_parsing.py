"""`manage.py evaluate_parsing DIR`: how the real parser does on a folder of hard files. Needs no services."""

import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.ingestion.parsing_trial import Judged, judge, rows

LINE = "{:<12} {:>6} {:>7} {:>6} {:>7} {:>9} {:>9}"


class Command(BaseCommand):
    help = "Reads every file of a folder's MANIFEST.csv and prints which did as expected. Exit code 1: bars missed."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dir", type=Path)
        parser.add_argument("--only", default="", help="One kind of the manifest, or one of its folders.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: object, **options: Any) -> None:
        folder: Path = options["dir"]
        if not (folder / "MANIFEST.csv").is_file():
            raise CommandError(f"There is no MANIFEST.csv in {folder}.", returncode=1)
        judged = [self._judge(folder, row, as_json=options["json"]) for row in rows(folder, options["only"])]
        report = report_of(judged)
        self.stdout.write(json.dumps(report, ensure_ascii=False) if options["json"] else table(report))
        if not report["ok"]:
            raise SystemExit(1)

    def _judge(self, folder: Path, row: Any, *, as_json: bool) -> Judged:
        found = judge(folder, row)
        if found.verdict == "missed" and not as_json:
            self.stderr.write(f"missed {row.file}: {found.why} ({found.tried.seconds:.1f} s) {row.phrase!r}")
        return found


def report_of(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return the figures of all rows and of each kind. The bars: 95 % of must_parse, all of must_fail_cleanly."""
    kinds = sorted({each.row.kind for each in judged})
    parse = [each for each in judged if each.row.expected == "must_parse"]
    fail = [each for each in judged if each.row.expected == "must_fail_cleanly"]
    parsed, failed = _passed(parse), _passed(fail)
    locked = [each for each in judged if each.opened is not None]
    return {
        "ok": parsed >= 0.95 * len(parse) and failed == len(fail),
        "files": len(judged),
        "must_parse": {"files": len(parse), "passed": parsed, "soft": _soft(parse)},
        "must_fail": {"files": len(fail), "passed": failed},
        "passwords": {"files": len(locked), "opened": sum(each.opened is True for each in locked)},
        "seconds": round(sum(each.tried.seconds for each in judged), 1),
        "slowest_seconds": round(max((each.tried.seconds for each in judged), default=0.0), 1),
        "peak_mib": round(max((each.tried.peak_mib for each in judged), default=0.0)),
        "codes": dict(Counter(each.tried.code for each in judged if each.tried.code).most_common()),
        "kinds": [_kind(kind, [each for each in judged if each.row.kind == kind]) for kind in kinds],
        "misses": [
            {"file": each.row.file, "why": each.why, "phrase": each.row.phrase, "needs": each.row.needs}
            for each in judged
            if each.verdict == "missed"
        ],
        "not_opened": [each.row.file for each in locked if not each.opened],
    }


def _passed(judged: Sequence[Judged]) -> int:
    return sum(each.verdict != "missed" for each in judged)


def _soft(judged: Sequence[Judged]) -> int:
    return sum(each.verdict == "soft" for each in judged)


def _kind(kind: str, judged: Sequence[Judged]) -> dict[str, Any]:
    return {
        "kind": kind,
        "files": len(judged),
        "passed": _passed(judged),
        "soft": _soft(judged),
        "missed": len(judged) - _passed(judged),
        "seconds": round(sum(each.tried.seconds for each in judged), 1),
        "peak_mib": round(max(each.tried.peak_mib for each in judged)),
    }


def table(report: dict[str, Any]) -> str:
    """Return the report for people."""
    columns = ("kind", "files", "passed", "soft", "missed", "seconds", "peak_mib")
    lines = [LINE.format(*columns[:-1], "peak MiB")]
    lines += [LINE.format(*(row[column] for column in columns)) for row in report["kinds"]]
    parse, fail, locked = report["must_parse"], report["must_fail"], report["passwords"]
    share = 100 * parse["passed"] / max(1, parse["files"])
    lines += [
        "",
        f"must parse: {parse['passed']} of {parse['files']} ({share:.1f} %), {parse['soft']} by a clear refusal",
        f"must fail cleanly: {fail['passed']} of {fail['files']}",
        f"opened by their passwords: {locked['opened']} of {locked['files']}",
        f"{report['seconds']} s in all, {report['slowest_seconds']} s the slowest, {report['peak_mib']} MiB the most",
        *(f"missed: {miss['file']}: {miss['why']} {miss['phrase']!r}" for miss in report["misses"]),
        "bars: " + ("met" if report["ok"] else "MISSED"),
    ]
    return "\n".join(lines)
