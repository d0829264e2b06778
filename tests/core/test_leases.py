"""Leases kept alive while work goes on."""

import threading
import time

import pytest
from django.db import OperationalError

from apps.core.leases import renewing

SOON_S = 0.01


def until(said: threading.Event) -> None:
    assert said.wait(10)


def test_it_renews_until_the_block_ends() -> None:
    renewed, times = threading.Event(), []

    def renew() -> None:
        times.append(time.monotonic())
        if len(times) == 3:
            renewed.set()

    with renewing(renew, lambda: SOON_S, "test-lease"):
        until(renewed)
    ended = len(times)
    time.sleep(5 * SOON_S)

    assert len(times) == ended >= 3
    assert "test-lease" not in {thread.name for thread in threading.enumerate()}


def test_it_goes_on_where_the_database_was_away(caplog: pytest.LogCaptureFixture) -> None:
    back, tries = threading.Event(), []

    def renew() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError
        back.set()

    with renewing(renew, lambda: SOON_S, "test-lease"):
        until(back)

    assert "test-lease could not be renewed" in caplog.text


def test_it_stops_where_the_block_breaks() -> None:
    with pytest.raises(ZeroDivisionError), renewing(lambda: None, lambda: SOON_S, "test-lease"):
        raise ZeroDivisionError

    assert "test-lease" not in {thread.name for thread in threading.enumerate()}
