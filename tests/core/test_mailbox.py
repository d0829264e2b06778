"""Letters between the web process and a worker."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache

from apps.core.errors import NotFound
from apps.core.mailbox import Mailbox


@dataclass(frozen=True, slots=True)
class Found:
    name: str
    marks: Sequence[tuple[str, bool]] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    token: str
    user: str
    library: str
    found: Sequence[Found] = ()
    best: Found | None = None


BOX = Mailbox("test", Wish, kept_s=60)


def wish() -> Wish:
    return BOX.put(Wish(str(uuid4()), "alice", "tea"))


def test_it_gives_back_what_was_put_in_typed_to_the_last_part() -> None:
    sent = wish()
    answered = replace(sent, found=[Found("茶", [("茶", True)])], best=Found("oolong", []))
    BOX.put(answered)

    assert BOX.letter(sent.token) == answered
    assert BOX.letter(UUID(sent.token)) == answered


@pytest.mark.parametrize("of", [{"user": "bob"}, {"user": "alice", "library": "wine"}], ids=["person", "library"])
def test_it_finds_no_letter_of_somebody_else(of: dict[str, str]) -> None:
    sent = wish()

    assert BOX.own(sent.token, user="alice", library="tea").token == sent.token
    with pytest.raises(NotFound):
        BOX.own(sent.token, **of)


def test_it_finds_nothing_that_was_taken_out() -> None:
    sent = wish()
    BOX.take_out(sent.token)

    assert BOX.letter(sent.token) is None
    assert not BOX.has(sent.token)
    with pytest.raises(NotFound):
        BOX.own(sent.token, user="alice")


def test_boxes_do_not_mix() -> None:
    sent = wish()

    assert Mailbox("other", Wish, kept_s=60).letter(sent.token) is None


def test_one_of_many_gets_the_claim() -> None:
    sent, won = wish(), []
    threads = [threading.Thread(target=lambda: won.append(BOX.claim(sent.token))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(won) == [False] * 7 + [True]


def test_it_knows_whether_somebody_waits() -> None:
    sent = wish()
    assert not BOX.is_waited_for(sent.token)

    BOX.wait(sent.token)
    assert BOX.is_waited_for(sent.token)

    cache.delete(f"test-waited:{sent.token}")  # as time does
    assert not BOX.is_waited_for(sent.token)
