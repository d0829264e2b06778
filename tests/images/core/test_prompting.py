"""What an image model is told of an order's prompts, in both passes."""

import pytest

from apps.images.orders import HiresWish, Order
from apps.images.prompting import negative_of, positive_of, said_by
from apps.runtimes.drawing import PromptStage, Weighted


def told(stages: tuple[PromptStage, ...]) -> list[tuple[int, str]]:
    return [(stage.until_step, "".join(span.text for span in stage.spans)) for stage in stages]


def test_it_parts_the_prompt_and_weighs_its_words() -> None:
    parts = positive_of(Order(prompt="(red:1.2) circle BREAK white AND a [cat:dog:5]:0.5", steps=10))

    assert [part.weight for part in parts] == [1.0, 0.5]
    assert parts[0].stages == (
        PromptStage(
            10,
            (
                Weighted("red", 1.2),
                Weighted(" circle"),
                Weighted("", is_break=True),
                Weighted("white"),
            ),
        ),
    )
    assert told(parts[1].stages) == [(5, " a cat"), (10, " a dog")]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        pytest.param("a cat", [(16, "a cat")], id="the-same"),
        pytest.param("a [cat:0.5]", [(5, "a "), (16, "a cat")], id="46-change-in-the-first"),
        pytest.param("a [cat:1.5]", [(13, "a "), (16, "a cat")], id="46-change-in-the-second"),
        pytest.param("a [cat:12]", [(12, "a "), (16, "a cat")], id="46-steps-count-on"),
        pytest.param("[a::0.5][b:1.5]", [(5, "a"), (13, ""), (16, "b")], id="46-both"),
        pytest.param("[a|b]", [(n, "ab"[(n if n <= 10 else n - 10) % 2 - 1]) for n in range(1, 17)], id="42-turns"),
    ],
)
def test_it_counts_on_in_the_second_pass(prompt: str, expected: list[tuple[int, str]]) -> None:
    order = Order(prompt=prompt, negative=prompt, steps=10, hires=HiresWish(steps=6))

    assert told(positive_of(order)[0].stages) == expected
    assert told(negative_of(order)) == expected


def test_it_takes_as_many_steps_as_the_first_pass_has() -> None:
    assert told(negative_of(Order(negative="[a:b:1.5]", steps=10, hires=HiresWish()))) == [(15, "a"), (20, "b")]


def test_it_hides_nothing_in_the_second_pass() -> None:
    assert said_by(Order(prompt="a [bad:1.5]", steps=10, hires=HiresWish())) == {"a ", "a bad"}
