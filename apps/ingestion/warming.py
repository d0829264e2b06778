"""Loads what every process of the `io` worker needs once, before they are forked, so that they share the memory."""

import gc
import logging
from typing import Any

from celery.signals import worker_init
from django.conf import settings
from django.db import DatabaseError, connections

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.core.errors import AppError
from apps.libraries import lexical
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure

logger = logging.getLogger(__name__)


@worker_init.connect
def warm_up(**_: Any) -> None:
    """Load the embedding model's tokenizer (280 MiB) and jieba's dictionary (65 MiB) in the parent of `io`'s processes.

    Does nothing elsewhere, and nothing is lost when it fails: whoever needs the tokenizer loads it then.
    """
    if settings.ENV.process != "io":
        return
    lexical.segment("预热")
    try:
        registry.tokenizer(spec_of(default_model(AIModel.Kind.EMBEDDING)))
    except (AppError, RuntimeFailure, DatabaseError) as error:
        logger.info("the tokenizer is loaded later: %s", error)
    finally:
        connections.close_all()  # no process may inherit the socket
    gc.freeze()  # the collector of a child would copy every page that it marks
