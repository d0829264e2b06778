"""Who goes first. The threads are ordered by events, never by time."""

import threading

from apps.runtimes.gate import Interactive, Turnstile


def test_it_lets_questions_pass_bulk_work() -> None:
    gate = Turnstile(patience_s=60)
    order: list[str] = []
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with gate.later():
            holding.set()
            release.wait()

    def enter(name: str) -> None:
        with gate.first() if name == "question" else gate.later():
            order.append(name)

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait()
    bulk = threading.Thread(target=enter, args=("bulk",))
    bulk.start()
    question = threading.Thread(target=enter, args=("question",))
    question.start()
    while gate.first_waiting == 0:  # until the question stands at the gate
        pass
    release.set()
    for thread in (holder, bulk, question):
        thread.join()

    assert order == ["question", "bulk"]


def test_it_lets_bulk_work_through_in_the_end() -> None:
    gate = Turnstile(patience_s=0)
    gate.first_waiting = 1  # somebody always waits

    with gate.later():
        pass


def test_it_frees_the_gate_after_an_error() -> None:
    gate = Turnstile()

    try:
        with gate.first():
            raise ValueError
    except ValueError:
        pass

    with gate.later():
        pass


def test_it_makes_bulk_work_wait_for_answers_but_not_for_ever() -> None:
    crowd = Interactive()

    with crowd.work():
        assert not crowd.give_way(patience_s=0)

    assert crowd.give_way(patience_s=0)
