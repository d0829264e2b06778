"""What is loaded, what is let go, and what does not fit."""

import threading
from pathlib import Path
from typing import Any

import pytest

from apps.runtimes import shelf
from apps.runtimes.shelf import NoRoom, Shelf
from apps.runtimes.spec import RuntimeSpec

GIB = 1024**3


class Toy:
    """A model that owns memory outside Python."""

    def __init__(self) -> None:
        self.is_busy = False
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_000.0]
    monkeypatch.setattr(shelf.time, "monotonic", lambda: now[0])
    return now


def key(name: str, **fields: Any) -> shelf.Key:
    return ("toy", RuntimeSpec(name, "fake", Path(name), **{"keep_alive_s": 60} | fields))


def test_it_lets_go_what_nobody_used_for_its_keep_alive(clock: list[float]) -> None:
    toys, here = {"a": Toy(), "pinned": Toy()}, Shelf()
    here.get(key("a"), lambda: toys["a"])
    here.get(key("pinned", keep_alive_s=0), lambda: toys["pinned"])

    clock[0] += 59
    assert here.evict_idle() == []
    here.get(key("a"), Toy)
    clock[0] += 59
    assert here.evict_idle() == []
    clock[0] += 2
    assert here.evict_idle() == ["a"]

    assert (toys["a"].is_closed, toys["pinned"].is_closed) == (True, False)


def test_it_keeps_what_answers_somebody(clock: list[float]) -> None:
    toy, here = Toy(), Shelf()
    here.get(key("a"), lambda: toy)
    toy.is_busy = True
    clock[0] += 1_000

    assert here.evict_idle() == []
    assert not here.drop("a")
    toy.is_busy = False
    assert here.drop("a")
    assert toy.is_closed


def test_it_makes_room_by_the_longest_unused_model(clock: list[float]) -> None:
    free, here = [3 * GIB], Shelf(free=lambda: free[0])
    toys = {name: Toy() for name in ("old", "new", "big")}

    def load(name: str, size: int) -> None:
        def take() -> Toy:
            free[0] -= size
            return toys[name]

        here.get(key(name, memory_bytes=size), take)

    def closing(name: str, size: int) -> None:
        def close() -> None:
            toys[name].is_closed = True
            free[0] += size

        toys[name].close = close  # type: ignore[method-assign]

    load("old", GIB)
    closing("old", GIB)
    clock[0] += 20
    load("new", GIB)
    closing("new", GIB)
    clock[0] += 20

    load("big", int(1.5 * GIB))

    assert (toys["old"].is_closed, toys["new"].is_closed) == (True, False)


def test_it_says_how_much_is_missing_when_nothing_can_go(clock: list[float]) -> None:
    here = Shelf(free=lambda: GIB)
    here.get(key("default", keep_alive_s=0), Toy)

    with pytest.raises(NoRoom, match=r"about 2048 MB of memory and 768 MB are free"):
        here.get(key("big", memory_bytes=2 * GIB), Toy)
    assert [each.name for each in here.listed()] == ["default"]


def test_it_shows_a_load_on_its_way() -> None:
    here = Shelf()
    begun, go_on = threading.Event(), threading.Event()

    def load() -> Toy:
        shelf.tell_progress("a", 0.5)
        begun.set()
        go_on.wait(10)
        return Toy()

    thread = threading.Thread(target=here.get, args=(key("a"), load))
    thread.start()
    assert begun.wait(10)
    (coming,) = here.listed()
    go_on.set()
    thread.join()

    assert (coming.name, coming.is_ready, coming.progress) == ("a", False, 0.5)
    assert [each.is_ready for each in here.listed()] == [True]
