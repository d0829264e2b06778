"""What a worker does with a job on a model."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone

from apps.catalog import errors, fetching, importing, jobs, measuring
from apps.catalog.models import AIModel, ModelJob
from apps.core.errors import AppError
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure

logger = logging.getLogger(__name__)
Kind = ModelJob.Kind
LANES: dict[str, tuple[str, ...]] = {
    "fetch": (Kind.FETCH,),
    "run": (Kind.IMPORT, Kind.TEST, Kind.BENCHMARK, Kind.LOAD, Kind.UNLOAD),
}


def work_one(lane: str) -> bool:
    """Do the oldest job of a lane; return whether there was one."""
    held = jobs.claim(LANES[lane])
    if held is None:
        return False
    if jobs.is_worn_out(held):
        return True
    try:
        with jobs.beating(held) as watch:
            result = _HANDLERS[held.job.kind](held.job, watch)
        jobs.finish(held, result)
    except jobs.LostJob:
        logger.warning("another worker has this job", extra={"job": held.job.pk})
    except AppError as error:
        _failed(held, error)
    except RuntimeFailure as error:
        _failed(held, errors.ModelBroken(reason=str(error)))
    return True


def _failed(held: jobs.Held, error: AppError) -> None:
    logger.info("a job on a model failed", extra={"job": held.job.pk, "code": error.code})
    if jobs.fail(held, error) and held.job.kind in {Kind.FETCH, Kind.IMPORT} and held.job.model is not None:
        not_ready = AIModel.objects.filter(pk=held.job.model.pk).exclude(state=AIModel.State.READY)
        not_ready.update(state=AIModel.State.BROKEN, error=error.sentence()[:2_000])


def _model(job: ModelJob) -> AIModel:
    if job.model is None:
        raise errors.ModelBroken(reason="")
    return job.model


def _import(job: ModelJob, watch: jobs.Watch) -> dict[str, Any]:
    return importing.import_model(_model(job), watch, has_title=bool(job.options.get("has_title")))


def _fetch(job: ModelJob, watch: jobs.Watch) -> dict[str, Any]:
    return fetching.fetch_model(_model(job), watch, job.options)


def _test(job: ModelJob, _watch: jobs.Watch) -> dict[str, Any]:
    model = _model(job)
    try:
        result = measuring.try_model(model)
    except errors.ModelBroken as error:
        if model.source == AIModel.Source.ENDPOINT and model.state != AIModel.State.READY:
            _write(model, state=AIModel.State.BROKEN, error=error.sentence()[:2_000])
        raise
    if model.source == AIModel.Source.ENDPOINT:
        _write(model, state=AIModel.State.READY, error="", dimensions=result.get("dimensions") or model.dimensions)
    return result


def _write(model: AIModel, **fields: Any) -> None:
    AIModel.objects.filter(pk=model.pk).update(**fields)


def _benchmark(job: ModelJob, watch: jobs.Watch) -> dict[str, Any]:
    model = _model(job)
    figures = measuring.benchmark(model, watch.tell)
    _write(model, benchmark=figures | {"at": timezone.now().isoformat(timespec="seconds")})
    return figures


def _load(job: ModelJob, _watch: jobs.Watch) -> dict[str, Any]:
    measuring.load(_model(job))
    return {}


def _unload(job: ModelJob, _watch: jobs.Watch) -> dict[str, Any]:
    if not registry.unload(_model(job).name):
        raise errors.ModelInUse(reason="Somebody is being answered by it. Try again in a moment.")
    return {}


_HANDLERS: Mapping[str, Callable[[ModelJob, jobs.Watch], dict[str, Any]]] = {
    Kind.FETCH: _fetch,
    Kind.IMPORT: _import,
    Kind.TEST: _test,
    Kind.BENCHMARK: _benchmark,
    Kind.LOAD: _load,
    Kind.UNLOAD: _unload,
}
