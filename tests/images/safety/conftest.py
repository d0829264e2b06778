"""The fake model, orders and pictures of the other tests of the studio, and rules of teams."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.images.models import ImagePolicy
from apps.users.models import Team

Rule = Callable[..., ImagePolicy]


@pytest.fixture
def rule(db: None) -> Rule:
    """Return a function that sets rules: rule(team or None for the installation, **columns)."""

    def _rule(team: Team | None, **columns: Any) -> ImagePolicy:
        return ImagePolicy.objects.update_or_create(team=team, defaults=columns)[0]

    return _rule
