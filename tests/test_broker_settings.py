"""The broker's settings and the keeper of the embedded servers (security-cases section 2: rows 3, 8, 9, 12)."""

import signal
import time
from typing import Any

from django.conf import settings

from apps.ingestion import tasks
from kb_project import settings as product
from kb_project.celery import app
from kb_project.embedded import Keeper
from kb_project.env import Env
from kb_project.supervisor import commands


def test_it_ends_every_task_before_the_broker_gives_it_away() -> None:
    """Row 3 (celery#5935): a hard limit at or above the visibility timeout would run a task twice."""
    limits = [task.time_limit for name, task in app.tasks.items() if name.startswith("apps.") and task.time_limit]

    assert limits
    assert max([*limits, tasks.EMBED_SHIFT_S]) < settings.VISIBILITY_TIMEOUT_S


def test_it_names_the_visibility_timeout_in_all_three_places() -> None:
    """Row 3: Celery's own documentation names three."""
    seconds = product.VISIBILITY_TIMEOUT_S
    assert product.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] == seconds
    assert product.CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS["visibility_timeout"] == seconds
    assert seconds == product.CELERY_VISIBILITY_TIMEOUT


def test_it_uses_no_delays_of_the_broker() -> None:
    """Row 4 (celery#3270): a retry is a row with a time, never a message with a countdown."""
    assert not app.conf.task_publish_retry
    assert not app.conf.task_reject_on_worker_lost
    assert app.conf.task_acks_late
    assert app.conf.worker_prefetch_multiplier == 1


def test_it_keeps_the_pollers_going_beside_long_files() -> None:
    """Two long files must not keep the rescue of all others waiting."""
    plan = commands()

    assert all("maintenance" in " ".join(plan[name]) for name in ("io", "models"))
    queues = plan["io"][plan["io"].index("-Q") + 1].split(",")
    assert queues == ["preview", "maintenance", "ingest"]


def test_it_starts_a_server_again_that_died() -> None:
    """Rows 8 and 13: nobody has to restart the product because its database or broker was killed."""
    keeper = Keeper(Env(_env_file=None))
    keeper._spawn(["sleep", "600"], None)
    first = keeper.children[0]
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    try:
        keeper.revived_at = time.monotonic() - 60
        keeper._revive()

        assert keeper.children[0].pid != first.pid
        assert keeper.children[0].poll() is None
    finally:
        keeper.children[0].kill()
        keeper.children[0].wait(10)


def test_it_does_not_try_to_revive_without_a_pause(monkeypatch: Any) -> None:
    keeper = Keeper(Env(_env_file=None))
    keeper._spawn(["true"], None)
    keeper.children[0].wait(10)
    keeper.revived_at = time.monotonic()
    first = keeper.children[0]

    keeper._revive()

    assert keeper.children[0] is first
