"""Other values of the operator's settings for one test."""

from contextlib import AbstractContextManager

from django.conf import settings
from django.test import override_settings


def env(**values: object) -> AbstractContextManager[None]:
    """Return a context in which `settings.ENV` has the given values."""
    return override_settings(ENV=settings.ENV.model_copy(update=values))
