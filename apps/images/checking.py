"""Looks at pictures before they are kept: by the checker that KB_IMAGE_CHECKER names, in teams whose rules want it."""

import logging
from pathlib import Path

from django.conf import settings

from apps.images.errors import CheckerMissing
from apps.runtimes import registry
from apps.runtimes.contracts import Picture as Pixels
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.spec import RuntimeSpec

logger = logging.getLogger(__name__)
FOLDER = "safety-checker"  # below the models folder


def is_available() -> bool:
    """Return whether there is a checker: one is named, and its files are there where it has some."""
    name = settings.ENV.image_checker
    return bool(name) and (name not in registry.CHECKERS_WITH_FILES or (_folder() / "config.json").is_file())


def is_flagged(pixels: Pixels) -> bool:
    """Return whether a picture must not be kept.

    Raises CheckerMissing: what should be checked and cannot be is not kept either.
    """
    if not is_available():
        raise CheckerMissing
    try:
        verdict = registry.picture_checker(_spec()).check(pixels)
    except RuntimeFailure as error:
        logger.exception("the safety checker failed")
        raise CheckerMissing from error
    if verdict.is_flagged:
        logger.info("a picture was held back", extra={"reasons": ", ".join(verdict.reasons)})
    return verdict.is_flagged


def _spec() -> RuntimeSpec:
    weights = _folder() / "model.safetensors"
    size = weights.stat().st_size if weights.is_file() else 0
    return RuntimeSpec(
        name=FOLDER, runtime=settings.ENV.image_checker, path=_folder(), threads=settings.ENV.model_threads,
        keep_alive_s=settings.ENV.model_keep_alive_s, memory_bytes=size,
    )  # fmt: skip


def _folder() -> Path:
    folder: Path = settings.MODELS_DIR / FOLDER
    return folder
