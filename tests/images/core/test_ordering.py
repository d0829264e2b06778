"""Orders as JSON, and what is refused before anything is drawn."""

import json
import math
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from apps.core.errors import AppError
from apps.images.errors import BadSetting
from apps.images.limits import limits
from apps.images.ordering import order_from_json, order_to_json, validated
from apps.images.orders import AxisWish, ControlWish, HiresWish, ImagePromptWish, LoraWish, Order

FULL = Order(
    prompt="一只猫 (red:1.2)", negative="坏", model="m", seed=2**32 - 1, count=2, variation_seed=1, source=uuid4(),
    outpaint=(8, 0, 8, 0), hires=HiresWish(steps=3), loras=(LoraWish("a", 0.7, 0.5), LoraWish("b")),
    control=ControlWish("c", uuid4()), image_prompt=ImagePromptWish("i", uuid4(), 0.4), styles=("ink",),
    axes=(AxisWish("steps", "1-5"),), is_combinatorial=True,
)  # fmt: skip


def test_it_keeps_every_setting_through_json() -> None:
    assert order_from_json(json.loads(json.dumps(order_to_json(FULL)))) == FULL
    assert order_from_json({}) == Order()
    assert order_from_json({"steps": "12", "guidance": "4.5"}) == Order(steps=12, guidance=4.5)  # as forms send them


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"id": "1"}, "id"),
        ({"team": str(uuid4())}, "team"),
        ({"owner": 1}, "owner"),
        ({"loras": [{"name": "a", "path": "/etc/passwd"}]}, "loras.path"),
        ({"hires": {"scale": 2, "__class__": "x"}}, "hires.__class__"),
        ({"image_prompt": {"name": "a", "path": "/etc/passwd"}}, "image_prompt.path"),
        ({"steps": "many"}, "steps"),
        ({"seed": [1]}, "seed"),
        ({"source": "../../x"}, "source"),
        ({"prompt": None}, "prompt"),
        ({"loras": "a"}, "loras"),
        ({"outpaint": [1, 2]}, "outpaint"),
        ([], "order"),
        ("x", "order"),
        (None, "order"),
    ],
)
def test_it_takes_nothing_but_the_fields_of_an_order(values: Any, field: str) -> None:
    """Security cases 15 and 44: ids, owners, wrong types and strange names are refused, with the field's name."""
    with pytest.raises(BadSetting) as refused:
        order_from_json(values)

    assert str(refused.value.params["field"]).startswith(field)
    assert refused.value.status == 422


GOOD = Order(prompt="a cat", width=512, height=512)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "train"}, "image-setting"),
        ({"kind": "nothing"}, "image-setting"),
        ({"prompt": "  "}, "image-prompt-empty"),
        ({"prompt": "a\x00b"}, "image-setting"),
        ({"prompt": "x" * 20_000}, "prompt-too-long"),
        ({"negative": "x" * 20_000}, "prompt-too-long"),
        ({"width": 513}, "image-multiple"),
        ({"width": 8}, "image-range"),
        ({"height": 4_096}, "image-range"),
        ({"width": 1_024, "height": 1_024, "hires": HiresWish(2.0)}, "image-size"),
        ({"steps": 0}, "image-range"),
        ({"steps": 100_000}, "image-range"),
        ({"guidance": math.nan}, "image-range"),
        ({"guidance": math.inf}, "image-range"),
        ({"guidance": -1.0}, "image-range"),
        ({"clip_skip": 0}, "image-range"),
        ({"seed": -1}, "image-range"),
        ({"seed": 2**32}, "image-range"),
        ({"count": 0}, "image-range"),
        ({"count": 10_000}, "image-range"),
        ({"variation_strength": 1.5}, "image-range"),
        ({"sampler": "Euler b"}, "unknown-sampler"),
        ({"sampler": "dpm_fast"}, "unknown-sampler"),
        ({"schedule": "wild"}, "unknown-schedule"),
        ({"sampler": "euler_a", "schedule": "karras"}, "schedule-mismatch"),
        ({"kind": "redraw"}, "image-source-needed"),
        ({"kind": "inpaint", "source": uuid4()}, "image-source-needed"),
        ({"kind": "outpaint", "source": uuid4()}, "image-setting"),
        ({"kind": "outpaint", "source": uuid4(), "outpaint": (4, 0, 0, 0)}, "image-multiple"),
        ({"kind": "inpaint", "source": uuid4(), "mask": uuid4(), "hires": HiresWish()}, "image-setting"),
        ({"kind": "upscale", "source": uuid4(), "upscale": 9.0}, "image-range"),
        ({"loras": tuple(LoraWish(f"l{n}") for n in range(20))}, "image-range"),
        ({"loras": (LoraWish("a", 5.0),)}, "image-range"),
        ({"loras": (LoraWish("a", math.nan),)}, "image-range"),
        ({"control": ControlWish("c", uuid4(), start=0.8, end=0.2)}, "image-range"),
        ({"control": ControlWish("c", uuid4(), method="depth")}, "image-setting"),
        ({"hires": HiresWish(upscaler="")}, "image-setting"),
        ({"hires": HiresWish(upscaler="a\x00")}, "image-setting"),
        ({"loras": (LoraWish("a\x00"),)}, "image-setting"),
        ({"image_prompt": ImagePromptWish("i\x00", uuid4())}, "image-setting"),
        ({"styles": ("ink\x00",)}, "image-setting"),
        ({"axes": (AxisWish("model", "a\x00"),)}, "image-setting"),
        ({"image_prompt": ImagePromptWish("i", uuid4(), 1.1)}, "image-range"),
        ({"image_prompt": ImagePromptWish("i", uuid4(), math.nan)}, "image-range"),
        ({"axes": (AxisWish("steps", "1"),) * 4}, "image-range"),
        ({"axes": (AxisWish("steps", "1," * 1_000),)}, "image-setting"),
    ],
)
def test_it_refuses_what_cannot_be_drawn(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(AppError) as refused:
        validated(replace(GOOD, **changes), limits())

    assert refused.value.code == code
    assert 400 <= refused.value.status < 500
    assert refused.value.sentence()


def test_it_writes_names_as_we_do_and_never_another_in_their_place() -> None:
    order = validated(replace(GOOD, sampler="DPM++ 2M Karras"), limits())

    assert (order.sampler, order.schedule) == ("dpmpp_2m", "karras")
    assert validated(order, limits()) == order
