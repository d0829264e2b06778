"""`python -m tests.chaos --seed 1 --minutes 5` or `--points 10`: faults on a real installation, then the verdict."""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from tests.chaos.installation import BASE_DIR, Installation

DRAIN_S = 900.0
POINT_S = 240.0  # within which somebody must come by an armed point
MINUTE_S = 60


def main() -> int:
    """Run and print; returns 0 when everything held."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--points", type=int, default=0, help="kill so often at each crash point instead")
    parser.add_argument("--models", action="store_true", help="with the real models instead of fakes")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    options = parser.parse_args()
    var = Path(tempfile.mkdtemp(prefix="zhiku-chaos-"))
    place = Installation(var, models=BASE_DIR / "var" / "models" if options.models else None)
    os.environ.update(place.environment())
    try:
        password = place.start()
        import django

        django.setup()
        return _run(place, password, options)
    finally:
        place.stop()


def _run(place: Installation, password: str, options: argparse.Namespace) -> int:
    from apps.libraries.services import create_library
    from apps.users.models import Team
    from tests.chaos.uploads import Browser, Uploader
    from tests.chaos.verdict import drain, judge

    library = create_library(user=None, team=Team.objects.get(), name="Chaos")
    drain(DRAIN_S)  # the sample library
    uploader = Uploader(Browser(place.url, password), str(library.pk), options.seed, pause_s=0.75)
    began = time.monotonic()
    faults = _points(uploader, options.points) if options.points else _chaos(place, uploader, options)
    minutes = (time.monotonic() - began) / MINUTE_S
    _disarm()
    verdict = judge(list(uploader.accepted.values()), str(library.pk), drain(DRAIN_S))
    report = {"seed": options.seed, "minutes": round(minutes, 1), "faults": faults, "refused": uploader.refused}
    report |= asdict(verdict) | {"ok": verdict.is_good}
    _say(json.dumps(report, ensure_ascii=False) if options.json else _table(report))
    return 0 if verdict.is_good else 1


def _chaos(place: Installation, uploader: "Uploader", options: argparse.Namespace) -> dict[str, int]:  # noqa: F821
    """Do random things to the installation while somebody uploads; returns how often each was done."""
    from tests.chaos.faults import FAULTS, WEIGHTS

    chance = random.Random(options.seed)
    done: Counter[str] = Counter()
    uploader.start()
    until = time.monotonic() + options.minutes * MINUTE_S
    while time.monotonic() < until:
        time.sleep(chance.uniform(1.0, 5.0))
        name = chance.choices(list(FAULTS), WEIGHTS)[0]
        outcome = FAULTS[name](place, chance)
        done[name if outcome != "was not there" else f"{name} (was not there)"] += 1
        _say(f"{until - time.monotonic():6.0f} s left  {name}: {outcome}; {len(uploader.accepted)} accepted")
    uploader.stop()
    return dict(done)


def _points(uploader: "Uploader", times: int) -> dict[str, int]:  # noqa: F821
    """Kill a process at each crash point so many times, with an upload on the way; returns how often it happened."""
    from apps.core import crash

    done: Counter[str] = Counter()
    for turn in range(times):
        for point in crash.POINTS:
            crash.arm(point)
            until = time.monotonic() + POINT_S
            while crash.is_armed(point) and time.monotonic() < until:
                uploader.one()
                time.sleep(0.5)
            done[point] += not crash.is_armed(point)
        _say(f"round {turn + 1} of {times}: {sum(done.values())} kills; {len(uploader.accepted)} accepted")
    return dict(done)


def _disarm() -> None:
    from apps.core import crash

    for point in crash.POINTS:
        crash.disarm(point)


def _table(report: dict[str, object]) -> str:
    lines = [f"{name:12} {value}" for name, value in report.items() if name != "faults"]
    faults = report["faults"]
    assert isinstance(faults, dict)
    return "\n".join(["", *(f"  {count:4} x {name}" for name, count in sorted(faults.items())), *lines])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
