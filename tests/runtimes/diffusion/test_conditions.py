"""Prompts that change from step to step, and prompts composed with AND."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from apps.runtimes.contracts import Picture
from apps.runtimes.diffusion.conditions import Timeline
from apps.runtimes.diffusion.engine import DiffusersModel
from apps.runtimes.diffusion.prompts import Embedding
from apps.runtimes.drawing import Hires, Progress, PromptPart, PromptStage, Weighted
from tests.runtimes.diffusion.tiny import drawing, ignore, said


def draw(model: DiffusersModel, *parts: PromptPart, **more: object) -> Picture:
    return model.draw(drawing(positive=parts, **more), ignore)


def part(*stages: PromptStage, weight: float = 1.0) -> PromptPart:
    return PromptPart(stages, weight)


def test_it_says_what_holds_at_a_step() -> None:
    first, second = Embedding(torch.zeros(1)), Embedding(torch.ones(1))
    timeline = Timeline((2, 5), (first, second))

    assert [timeline.at(step) is second for step in (1, 2, 3, 5, 9)] == [False, False, True, True, True]


def test_it_draws_a_schedule_of_the_same_words_as_the_plain_prompt(model: DiffusersModel) -> None:
    plain = draw(model, part(said("red")))

    assert np.array_equal(draw(model, part(said("red", until=2), said("red", until=5))), plain)


def test_it_changes_the_prompt_after_the_step_that_is_said(model: DiffusersModel) -> None:
    told = [draw(model, part(said("red", until=k), said("blue", until=5))) for k in range(1, 5)]
    all_different = {picture.tobytes() for picture in told}

    assert len(all_different) == 4
    assert np.array_equal(
        draw(model, part(said("red", until=5), said("blue", until=9))), draw(model, part(said("red")))
    )


@pytest.mark.usefixtures("always_shown")
def test_it_shares_all_steps_up_to_the_change(model: DiffusersModel) -> None:
    def previews(*stages: PromptStage) -> list[bytes]:
        seen: list[Progress] = []
        model.draw(drawing(positive=(part(*stages),), sampler="euler"), seen.append)
        return [each.preview.tobytes() for each in seen if each.preview is not None]

    plain, changed = previews(said("red")), previews(said("red", until=3), said("blue", until=5))

    assert plain[:3] == changed[:3]
    assert plain[4] != changed[4]


@pytest.mark.parametrize("sampler", ["heun", "dpm2"])
def test_it_changes_the_prompt_between_steps_of_second_order(model: DiffusersModel, sampler: str) -> None:
    plain = draw(model, part(said("red")), sampler=sampler)
    late = draw(model, part(said("red", until=4), said("blue", until=5)), sampler=sampler)

    assert not np.array_equal(plain, late)


def test_it_alternates(model: DiffusersModel) -> None:
    words = ("red", "blue", "red", "blue", "red")
    alternated = draw(model, part(*(said(word, until=step) for step, word in enumerate(words, 1))))

    assert not np.array_equal(alternated, draw(model, part(said("red"))))
    assert not np.array_equal(alternated, draw(model, part(said("red", until=1), said("blue"))))


def test_it_changes_the_negative_prompt_too(model: DiffusersModel) -> None:
    plain = drawing("red", "blue")
    changed = replace(plain, negative=(said("blue", until=2), said("green", until=5)))

    assert not np.array_equal(model.draw(plain, ignore), model.draw(changed, ignore))


def difference(one: Picture, other: Picture) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize("guidance", [3.0, 1.0])
def test_it_composes_parts_by_their_weights(model: DiffusersModel, guidance: float) -> None:
    red = draw(model, part(said("red")), guidance=guidance)
    halves = draw(model, part(said("red"), weight=0.5), part(said("red"), weight=0.5), guidance=guidance)
    mixed = draw(model, part(said("red")), part(said("blue"), weight=0.5), guidance=guidance)
    nothing = draw(model, part(said("red")), part(said("blue"), weight=0.0), guidance=guidance)

    assert difference(halves, red) <= 1
    assert difference(nothing, red) <= 1
    assert difference(mixed, red) > 1


def test_it_weighs_a_single_part_like_guidance(model: DiffusersModel) -> None:
    """`uncond + g · w · (cond − uncond)`: half the weight at twice the guidance is the same."""
    weighted = draw(model, part(said("red"), weight=0.5), guidance=6.0)

    assert difference(weighted, draw(model, part(said("red")), guidance=3.0)) <= 1


def test_it_composes_parts_of_different_length(model: DiffusersModel) -> None:
    long = PromptStage(9, (Weighted("red " * 80),))

    assert draw(model, part(long), part(said("blue"))).std() > 0


def test_it_leaves_no_hook_behind(model: DiffusersModel) -> None:
    plain = draw(model, part(said("red")))
    draw(model, part(said("red")), part(said("blue")))

    assert not model._pipeline.unet._forward_hooks
    assert not model._pipeline.unet._forward_pre_hooks
    assert np.array_equal(draw(model, part(said("red"))), plain)


def test_it_counts_the_steps_of_a_second_pass_on_from_those_of_the_first(model: DiffusersModel) -> None:
    """Also where the first pass, over a source, does fewer steps than its schedule has."""
    source = model.draw(drawing("green"), ignore)
    hires = Hires(scale=1.5, steps=4, strength=0.5)

    def draw_over(*stages: PromptStage) -> bytes:
        return draw(model, part(*stages), source=source, strength=0.4, hires=hires).tobytes()

    plain = draw_over(said("red"))

    assert draw_over(said("red", until=7), said("blue", until=9)) == plain
    assert draw_over(said("red", until=6), said("blue", until=9)) != plain
    assert draw_over(said("red", until=5), said("blue", until=9)) != plain
