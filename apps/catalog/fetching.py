"""Fetches a model from a hub: resumed after a break, each file compared with the checksum that the hub announced.

Everything lies in `.fetching-<name>` below the models folder until it is whole; then one rename makes it a model's
folder, which is imported like any other. Nothing of it is opened before.
"""

import contextlib
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.catalog import errors, hub, jobs
from apps.catalog.hub import HubFile, HubModel
from apps.catalog.importing import import_model
from apps.catalog.models import AIModel
from apps.core.netfetch import FetchFailed, FetchRefused, FetchTooLarge

SCRATCH = ".fetching-"
PLAN = ".plan.json"  # what is being fetched, so that a resumed download takes the same revision
TRIES = 5  # of one file without any progress
PIECE = 1024 * 1024


def fetch_model(model: AIModel, watch: jobs.Watch, options: dict[str, Any]) -> dict[str, Any]:
    """Download, compare, move into place, import and try a model. Safe to repeat after any break."""
    target: Path = settings.MODELS_DIR / model.name
    if not target.exists():
        scratch: Path = settings.MODELS_DIR / f"{SCRATCH}{model.name}"
        try:
            _fetch(model, scratch, str(options.get("file", "")), watch)
            (scratch / PLAN).unlink()
            scratch.rename(target)
        except OSError as error:
            raise errors.FolderUnwritable from error
    return import_model(model, watch, has_title=bool(options.get("has_title")))


def _fetch(model: AIModel, scratch: Path, file: str, watch: jobs.Watch) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    plan = _plan(model, scratch, file)
    have = sum(min(each.size, _have(scratch, each)) for each in plan.files)
    if shutil.disk_usage(scratch).free < plan.size - have + settings.ENV.upload_max_mib * PIECE:
        raise errors.NoRoomForModel(needed=(plan.size - have) // PIECE)
    AIModel.objects.filter(pk=model.pk).update(size_bytes=plan.size, licence=plan.licence)
    done = 0
    watch.step(have, plan.size)
    for each in plan.files:
        _fetch_file(plan, each, scratch, _Progress(watch, done, plan.size))
        done += each.size


def _plan(model: AIModel, scratch: Path, file: str) -> HubModel:
    """Return what is fetched: what was begun, or what the hub says now."""
    path = scratch / PLAN
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(path.read_text())
        files = tuple(HubFile(str(each[0]), int(each[1]), str(each[2])) for each in kept["files"])
        return HubModel(str(kept["id"]), str(kept["revision"]), str(kept["licence"]), files)
    plan = hub.about(model.hub_id, file)
    content = {
        "id": plan.hub_id,
        "revision": plan.revision,
        "licence": plan.licence,
        "files": [(each.name, each.size, each.sha256) for each in plan.files],
    }
    path.write_text(json.dumps(content))
    return plan


class _Progress:
    """Tells how far one file is within all."""

    def __init__(self, watch: jobs.Watch, before: int, total: int) -> None:
        self._watch, self._before, self._total = watch, before, total

    def tell(self, done: int) -> None:
        self._watch.tell(min(self._before + done, max(0, self._total - 1)), self._total)


def _have(scratch: Path, file: HubFile) -> int:
    for path in (scratch / file.name, scratch / f"{file.name}.part"):
        if path.is_file():
            return path.stat().st_size
    return 0


def _fetch_file(plan: HubModel, file: HubFile, scratch: Path, progress: _Progress) -> None:
    """Have one whole file; a break goes on from its last byte. Raises HubUnreachable, HubDamaged."""
    target, part = scratch / file.name, scratch / f"{file.name}.part"
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    tries = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _receive(plan, file, part, progress)
            break
        except (FetchFailed, FetchRefused, FetchTooLarge) as error:
            after = part.stat().st_size if part.exists() else 0
            tries = 0 if after > before else tries + 1
            if tries >= TRIES or isinstance(error, FetchRefused):
                raise hub.unreachable(error) from error
    _check(file, part)
    part.rename(target)


def _receive(plan: HubModel, file: HubFile, part: Path, progress: _Progress) -> None:
    start = part.stat().st_size if part.exists() else 0
    if file.size and start >= file.size:
        return
    with hub.open_file(plan, file, start) as answer:
        at, pieces = hub.pieces(answer, start, file)
        with part.open("r+b" if at else "wb") as out:
            out.seek(at)
            for piece in pieces:
                out.write(piece)
                at += len(piece)
                progress.tell(at)
    if file.size and at < file.size:
        raise FetchFailed(reason="connection")


def _check(file: HubFile, part: Path) -> None:
    """Raise HubDamaged, and forget the file, unless it is what the hub announced."""
    size = part.stat().st_size
    with part.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest() if file.sha256 else ""
    if (file.size and size != file.size) or digest != file.sha256:
        part.unlink()
        raise errors.HubDamaged(file=file.name[:120])


def forget(model: AIModel) -> None:
    """Throw away what a download has fetched so far."""
    shutil.rmtree(settings.MODELS_DIR / f"{SCRATCH}{model.name}", ignore_errors=True)
