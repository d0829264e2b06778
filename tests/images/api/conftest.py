"""Keys of people of t1 and what they ask, the fake model, and pictures."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.images import tasks
from apps.users import keys
from apps.users.access import access_team
from apps.users.models import KeyScope, Team, User

BASE = "/api/v1/images"


class Asker:
    """A program with a key."""

    def __init__(self, secret: str) -> None:
        self.headers = {"authorization": f"Bearer {secret}"}

    def get(self, path: str, **data: Any) -> HttpResponse:
        """Ask by GET; a path that begins with a slash stands as it is."""
        return Client().get(self._whole(path), data, headers=self.headers)

    def send(self, method: str, path: str, data: object = None, **headers: str) -> HttpResponse:
        """Ask with a JSON body."""
        body = json.dumps(data if data is not None else {})
        return Client().generic(
            method, self._whole(path), body, content_type="application/json", headers=self.headers | headers
        )

    def post(self, path: str, data: object = None, **headers: str) -> HttpResponse:
        """POST a JSON body."""
        return self.send("POST", path, data, **headers)

    def upload(self, path: str, data: dict[str, Any]) -> HttpResponse:
        """POST a form."""
        return Client().post(self._whole(path), data, headers=self.headers)

    @staticmethod
    def _whole(path: str) -> str:
        return path if path.startswith("/") else f"{BASE}/{path}"


Key = Callable[..., Asker]


@pytest.fixture
def key(db: None) -> Key:
    """Return a function that makes a key: key(user, team, scopes)."""

    def _key(user: User, team: Team, scopes: frozenset[KeyScope] = frozenset({KeyScope.IMAGES})) -> Asker:
        wish = keys.KeyWish(name="Robot", scopes=scopes)
        return Asker(keys.create_key(user=user, access=access_team(user, team.pk), wish=wish)[1])

    return _key


@pytest.fixture
def _works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker draw as soon as somebody waits for a job."""
    monkeypatch.setattr("apps.images.api.placing.LOOK_S", 0)
    monkeypatch.setattr("apps.images.api.placing.let_go", tasks.draw_pictures)
