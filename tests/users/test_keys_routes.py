"""Case 26: every route of the API, by introspection: nothing without a key, nothing without its scope."""

import uuid

from django.test import Client
from django.urls import reverse

from apps.users.api_auth import wanted_scope
from apps.users.models import ApiKey, KeyScope, Team, User
from kb_project import api_urls
from tests.users.test_keys import make


def api_routes() -> list[tuple[str, str]]:
    """Return name and path of every route of the API, with an id that nobody has.

    All but the address of a picture that OpenAI's routes hand out: it is a right of its own (tests/images/api).
    """
    words = {"act": "draw"}
    found = []
    for pattern in api_urls.urlpatterns:
        if pattern.name != "openai-file":
            wanted = {name: words.get(name, uuid.uuid4()) for name in pattern.pattern.converters}
            found.append((str(pattern.name), reverse(f"api:{pattern.name}", kwargs=wanted)))
    return found


def test_case_26_nobody_asks_anything_without_a_key(db: None) -> None:
    for name, path in api_routes():
        for method in ("get", "post", "put", "patch", "delete"):
            response = getattr(Client(), method)(path)
            assert response.status_code == 401, (name, method)
            kind = "application/json" if name.startswith("openai-") else "application/problem+json"
            assert response.headers["Content-Type"] == kind


def test_case_26_a_key_without_the_scope_asks_nothing(ed: User, t1: Team) -> None:
    key, secret = make(ed, t1, frozenset({KeyScope.READ}))
    ApiKey.objects.filter(pk=key.pk).update(scopes=["nothing"])

    for name, path in api_routes():
        for method in ("get", "post", "put", "patch", "delete"):
            response = getattr(Client(), method)(path, headers={"x-api-key": secret})
            allowed = {200, 405} if name == "me" else {403}
            assert response.status_code in allowed, (name, method)


def test_every_view_of_the_api_says_which_scope_it_needs() -> None:
    for pattern in api_urls.urlpatterns:
        view = pattern.callback.cls
        for method in view.http_method_names:
            if method != "options" and hasattr(view, method):
                assert wanted_scope(view, method.upper()) is not None, (view, method)
