"""The Celery application of the workers, and of all that ring for them."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import heartbeat_sent, task_postrun, task_prerun
from django.db import close_old_connections

from kb_project.schedule import ROUTES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_project.settings")

# JSON only, so a worker that runs as root deserialises nothing that could run code; `make run` as root says so itself.
warnings.filterwarnings("ignore", message="You're running the worker with superuser")

app = Celery("zhiku")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_routes = ROUTES
app.autodiscover_tasks()
app.autodiscover_tasks(["apps.ingestion"], related_name="web.tasks")
app.autodiscover_tasks(["apps.evaluation"], related_name="gap_tasks")
app.autodiscover_tasks(["apps.images"], related_name="assistant_tasks")


@task_prerun.connect
@task_postrun.connect
def keep_connections(task: Any = None, **_: Any) -> None:
    """Do with database connections what Django does around a request: close what is old or broken, keep the others.

    Celery would close them around each task, and a new one costs more than the reading of a small file.
    """
    if not task.request.is_eager:
        close_old_connections()


@heartbeat_sent.connect
def give_sign(sender: Any = None, **_: Any) -> None:
    """Say in Valkey that this worker lives and which queues it serves; the console lists it."""
    from apps.core import heartbeat

    consumer = getattr(sender, "app", app).amqp.queues.consume_from
    heartbeat.give("worker", queues=sorted(consumer))
