"""An order that waits."""

import pytest

from apps.catalog.models import AIModel
from apps.images.models import ImageJob
from apps.images.ordering import order_to_json
from apps.images.orders import Order
from apps.users.models import Team, User


@pytest.fixture
def job(image_model: AIModel, alice: User, t1: Team) -> ImageJob:
    """Return an order of alice's that waits."""
    order = Order(prompt="CANARY-T1 order", model="fake-image", width=64, height=64, steps=4, count=2)
    return ImageJob.objects.create(
        team=t1, owner=alice, kind="draw", model=image_model, total=2, steps=4,
        order=order_to_json(order), plan=[{"seed": 1}, {"seed": 2}],
    )  # fmt: skip
