"""Whether this worker was told to stop: then jobs are given back with what they have, and no try is counted."""

import signal
import threading
from types import FrameType
from typing import Any

from celery.signals import worker_process_init, worker_shutdown, worker_shutting_down

from apps.runtimes import registry

_stopping = threading.Event()
is_stopping = _stopping.is_set


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    """Tell the threads of this worker."""
    _stopping.set()


@worker_process_init.connect
def _listen(**_: Any) -> None:
    """Have a process of a pool hear the SIGTERM that its whole group gets; by default it would die in mid-work."""
    signal.signal(signal.SIGTERM, _on_signal)


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    _stopping.set()


@worker_shutdown.connect
def _close(**_: Any) -> None:
    """Free the models before the process ends."""
    registry.close_all()
