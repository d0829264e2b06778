"""Every address of the studio's API, asked with valid bodies by programs that have no right to what they name.

Security cases 1 to 9, 20, 25 and 26: what is not there and what is somebody else's are answered alike, byte for byte.
`tests/test_routes.py` does the same for sessions and forms.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import get_resolver, reverse

from tests.images.api.conftest import Asker
from tests.images.security.conftest import CANARY, Mine, nobodys, state

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
VARIABLE = {"X-Request-Id", "Date"}
Ids = Mapping[str, UUID]
Body = Callable[[Ids], Any]


def _nothing(_ids: Ids) -> Any:
    return {}


# Each address that names somebody's thing: method -> a body that would be taken from its owner.
NAMING: dict[str, dict[str, Body]] = {
    "image-job": {"GET": _nothing, "DELETE": _nothing},
    "image-job-retry": {"POST": _nothing},
    "image-picture": {
        "GET": _nothing,
        "PATCH": lambda _ids: {"is_starred": True},
        "DELETE": _nothing,
    },
    "image-file": {"GET": _nothing},
    "image-restore": {"POST": _nothing},
    "image-report": {"POST": lambda _ids: {"reason": "x"}},
    "image-board": {"GET": _nothing, "PATCH": lambda _ids: {"name": "Mine"}, "DELETE": _nothing},
    "image-training": {"GET": _nothing, "DELETE": _nothing},
    "image-training-resume": {"POST": _nothing},
    "image-training-result": {"DELETE": _nothing},
    "image-job-preview": {"GET": _nothing},
    "image-edges": {"GET": _nothing},
    "image-on-board": {"DELETE": _nothing},
    "image-theme": {"GET": _nothing, "DELETE": _nothing},
    "image-story": {"GET": _nothing, "PATCH": lambda _ids: {"steps": 4}, "DELETE": _nothing},
    "image-story-file": {"GET": _nothing},
    "image-story-act": {"POST": _nothing},
    "image-scene": {"GET": _nothing, "PATCH": lambda _ids: {"prompt": "x"}, "DELETE": _nothing},
    "image-scene-act": {"POST": _nothing},
    "image-notice": {"DELETE": _nothing},
}
# Those of a team's admins, by keys with the scope of rules (test_rules.py tries them).
RULES: dict[str, tuple[str, ...]] = {
    "image-rules": ("GET", "PATCH"),
    "image-style": ("PATCH", "DELETE"),
    "image-word-list": ("PATCH", "DELETE"),
    "image-reports": ("GET",),
    "image-reported": ("GET", "POST"),
}
# Addresses without an id: what they take in bodies is tried in test_foreign_ids.py.
OPEN: dict[str, tuple[str, ...]] = {
    "image-models": ("GET",),
    "image-adapters": ("GET",),
    "image-samplers": ("GET",),
    "image-styles": ("GET", "POST"),
    "image-word-lists": ("GET", "POST"),
    "image-jobs-dismissed": ("POST",),
    "image-many": ("POST",),
    "image-themes": ("GET", "POST"),
    "image-own-words": ("GET", "PUT"),
    "image-stories": ("GET", "POST"),
    "image-notices": ("GET",),
    "image-limits": ("GET",),
    "image-jobs": ("GET", "POST", "DELETE"),
    "image-estimates": ("POST",),
    "image-pictures": ("GET",),
    "image-uploads": ("POST",),
    "image-read-settings": ("POST",),
    "image-boards": ("GET", "POST"),
    "image-trainings": ("GET", "POST"),
}
TRAININGS = {"image-training", "image-training-resume", "image-training-result"}
IN_TRASH = {"image-restore"}


def api_routes() -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield the name, parameters and methods of each address of the studio's API."""
    resolver = get_resolver()
    for pattern in resolver.url_patterns:
        if getattr(pattern, "namespace", "") != "api":
            continue
        for route in pattern.url_patterns:
            name = getattr(route, "name", None)
            if name and name.startswith("image-"):
                view = route.callback.view_class
                methods = {each for each in METHODS if hasattr(view, each.lower())}
                yield name, set(route.pattern.converters), methods


def test_it_knows_every_address_and_method() -> None:
    listed = {name: set(methods) for name, methods in {**NAMING, **OPEN, **RULES}.items()}

    assert {name: methods for name, _ids, methods in api_routes()} == listed
    assert {name for name, ids, _methods in api_routes() if ids} <= {*NAMING, *RULES}


def address(name: str, ids: Ids) -> str:
    wanted = next(parameters for route, parameters, _methods in api_routes() if route == name)
    values: dict[str, object] = {**ids, "act": "draw", "theme_id": ids["training_id"]}
    if name in TRAININGS:
        values["job_id"] = ids["training_id"]
    if name in IN_TRASH:
        values["picture_id"] = ids["trashed_id"]
    return reverse(f"api:{name}", kwargs={each: values[each] for each in wanted})


def asked(asker: Asker, method: str, path: str, body: Any) -> HttpResponse:
    return asker.get(path) if method == "GET" else asker.send(method, path, body)


def fingerprint(response: HttpResponse) -> tuple[Any, ...]:
    headers = sorted((name, value) for name, value in response.headers.items() if name not in VARIABLE)
    try:
        said = json.loads(response.content)
    except ValueError:
        return response.status_code, response.content, headers
    said.pop("request_id", None)
    said.pop("instance", None)
    return response.status_code, said, [each for each in headers if each[0] != "Content-Length"]


CALLS = [(name, method) for name, methods in NAMING.items() for method in methods]


@pytest.mark.parametrize("who", ["stranger", "colleague", "other team"])
@pytest.mark.parametrize(("name", "method"), CALLS)
def test_cases_1_to_9_what_is_anothers_is_answered_like_what_is_not_there(
    name: str, method: str, who: str, mine: Mine, askers: dict[str, Asker]
) -> None:
    body, nothing = NAMING[name][method](mine.ids), nobodys(mine.ids)
    before = state()

    there = asked(askers[who], method, address(name, mine.ids), body)
    nowhere = asked(askers[who], method, address(name, nothing), NAMING[name][method](nothing))

    assert there.status_code == 404
    assert fingerprint(there) == fingerprint(nowhere)
    assert CANARY.encode() not in there.content
    assert state() == before


@pytest.mark.parametrize(("name", "method"), CALLS)
def test_cases_20_and_26_no_key_a_dead_key_and_one_without_the_scope_open_nothing(
    name: str, method: str, mine: Mine, askers: dict[str, Asker], unscoped: Asker
) -> None:
    path, body, before = address(name, mine.ids), NAMING[name][method](mine.ids), state()

    left = asked(askers["left"], method, path, body)
    scopeless = asked(unscoped, method, path, body)
    nobody = Client().generic(method, path, json.dumps(body), content_type="application/json")

    assert [left.status_code, scopeless.status_code, nobody.status_code] == [401, 403, 401]
    assert scopeless.json()["code"] == "scope-missing"
    assert all(CANARY.encode() not in each.content for each in (left, scopeless, nobody))
    assert state() == before


@pytest.mark.parametrize(("name", "method"), [(name, each) for name, methods in OPEN.items() for each in methods])
def test_cases_20_and_26_addresses_without_ids_are_closed_to_them_too(
    name: str, method: str, mine: Mine, askers: dict[str, Asker], unscoped: Asker
) -> None:
    path, before = reverse(f"api:{name}"), state()

    answers = [asked(askers["left"], method, path, {}), asked(unscoped, method, path, {})]
    nobody = Client().generic(method, path, "{}", content_type="application/json")

    assert [each.status_code for each in (*answers, nobody)] == [401, 403, 401]
    assert state() == before


@pytest.mark.parametrize("who", ["stranger", "colleague", "other team"])
@pytest.mark.parametrize("name", [name for name, methods in OPEN.items() if "GET" in methods])
def test_case_11_lists_hold_nothing_of_anybody_else(name: str, who: str, mine: Mine, askers: dict[str, Asker]) -> None:
    queries: tuple[dict[str, str], ...] = ({},)
    if name == "image-pictures":
        queries = ({}, {"trash": "true"}, {"words": "CANARY"}, {"board": "none"}, {"kind": "source"})
    for query in queries:
        answer = askers[who].get(reverse(f"api:{name}"), **query)

        assert answer.status_code == 200
        assert not any(str(each).encode() in answer.content for each in mine.ids.values())
        if who != "colleague" or name != "image-adapters":  # the team's adapters are a colleague's as well
            assert CANARY.lower().encode() not in answer.content.lower().replace(b"canary-lora", b"")


@pytest.mark.parametrize("who", ["stranger", "other team"])
def test_case_17_filters_are_the_declared_ones(who: str, mine: Mine, askers: dict[str, Asker]) -> None:
    for query in ({"owner__email__startswith": "a"}, {"ordering": "owner__password"}, {"fields": "owner"}):
        assert askers[who].get("pictures", **query).status_code == 400
    by_board = askers[who].get("pictures", board=str(mine["board_id"]))
    by_none = askers[who].get("pictures", board=str(nobodys(mine.ids)["board_id"]))
    assert (by_board.status_code, fingerprint(by_board)) == (404, fingerprint(by_none))
