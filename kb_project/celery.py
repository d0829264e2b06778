"""The Celery application: which task runs on which queue."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import heartbeat_sent, task_postrun, task_prerun
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_project.settings")

# JSON only, so a worker that runs as root deserialises nothing that could run code; `make run` as root says so itself.
warnings.filterwarnings("ignore", message="You're running the worker with superuser")

app = Celery("zhiku")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_routes = {
    "apps.ingestion.tasks.read_document": {"queue": "ingest"},
    "apps.ingestion.tasks.preview_chunks": {"queue": "preview"},
    "apps.ingestion.tasks.index_document": {"queue": "ingest"},
    "apps.ingestion.tasks.embed_pending": {"queue": "embed"},
    "apps.ingestion.tasks.embed_changed": {"queue": "embed"},
    "apps.ingestion.tasks.switch_model": {"queue": "embed"},
    "apps.ingestion.web.tasks.visit_source": {"queue": "ingest"},
    "apps.chat.tasks.answer_message": {"queue": "answer"},
    "apps.chat.tasks.search_for_program": {"queue": "answer"},
    "apps.evaluation.gap_tasks.rerun_gap": {"queue": "answer"},
    "apps.evaluation.tasks.run_search_test": {"queue": "answer"},
    "apps.evaluation.tasks.work_runs": {"queue": "answer"},
    "apps.evaluation.tasks.draft_questions": {"queue": "answer"},
    "apps.evaluation.tasks.find_passages": {"queue": "answer"},
    "apps.evaluation.tasks.compare_words": {"queue": "answer"},
    "apps.libraries.tasks.embed_questions": {"queue": "embed"},
    "apps.catalog.tasks.run_models": {"queue": "embed"},
    "apps.catalog.tasks.fetch_models": {"queue": "embed"},
}
app.conf.beat_schedule = {
    "web-poll": {"task": "apps.ingestion.web.tasks.poll_sources", "schedule": 60.0},
    "ingestion-poll": {"task": "apps.ingestion.tasks.poll", "schedule": 10.0},
    "ingestion-clean-vectors": {"task": "apps.ingestion.tasks.clean_vectors", "schedule": 3_600.0},
    "ingestion-sweep": {"task": "apps.ingestion.tasks.sweep", "schedule": 1_800.0},
    "evaluation-gaps": {"task": "apps.evaluation.gap_tasks.collect_gaps", "schedule": 300.0},
    "chat-reap": {"task": "apps.chat.tasks.reap", "schedule": 10.0},
    "chat-purge": {"task": "apps.chat.tasks.purge", "schedule": 3_600.0},
    "evaluation-poll": {"task": "apps.evaluation.tasks.poll_runs", "schedule": 15.0},
    "evaluation-nightly": {"task": "apps.evaluation.tasks.start_nightly", "schedule": 600.0},
    "users-mail": {"task": "apps.users.tasks.send_invitations", "schedule": 120.0},
    "users-remove-teams": {"task": "apps.users.tasks.remove_teams", "schedule": 60.0},
    "console-sample": {"task": "apps.console.tasks.sample", "schedule": 600.0},
    "console-check": {"task": "apps.console.tasks.check", "schedule": 1_800.0},
    "console-pulse": {"task": "apps.console.tasks.pulse", "schedule": 20.0},
    "metering-reap": {"task": "apps.metering.tasks.reap", "schedule": 60.0},
    "catalog-poll": {"task": "apps.catalog.tasks.poll", "schedule": 10.0},
    "libraries-questions": {"task": "apps.libraries.tasks.poll_questions", "schedule": 60.0},
    "libraries-words": {"task": "apps.libraries.tasks.poll_words", "schedule": 30.0},
    "libraries-remind": {"task": "apps.libraries.tasks.remind", "schedule": 3_600.0},
    "libraries-purge": {"task": "apps.libraries.tasks.purge", "schedule": 3_600.0},
}
app.autodiscover_tasks()
app.autodiscover_tasks(["apps.ingestion"], related_name="web.tasks")
app.autodiscover_tasks(["apps.evaluation"], related_name="gap_tasks")


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
