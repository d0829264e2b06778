"""The leak oracle of security-cases section 0: a team full of canaries, and nobody else ever sees one.

Every route is asked by everybody who has no right to the team, with the team's ids in every place that takes one; no
body, header, mail or log line may carry a canary, no row of the team may change, nothing of another team may come to
point at it. The table of `tests/routes.py` says what each answers; this file only looks for what must be nowhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.db import connection, models, transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from apps.core import tenancy
from apps.users.access import access_team
from apps.users.keys import KeyWish, create_key
from apps.users.models import KeyScope, Membership, Role, Team, User
from tests import factories
from tests.routes import ROUTES, Access, Things
from tests.tenancy.canaries import Canaries, team_models
from tests.tenancy.conftest import as_role
from tests.test_routes import address, answer_to, arguments, body, things  # noqa: F401 -- a fixture
from tests.users.signing import signed_in

CANARY = "CANARY-T1"
OPEN = {"ingestion_turn", "ingestion_pace", "libraries_librarystatistics"}  # tables without a policy: figures alone
WITH_LINK = {"users:invitation"}  # whoever holds the link sees the team's name
STRANGERS = ("anonymous", "bob", "xen", "suspended member", "suspended account", "outsider's key")
QUERY = "q=CANARY&query=CANARY&search=CANARY&name=CANARY&sort=name&page=1&cursor=&status=ready&tag=CANARY&type=pdf"


@dataclass(frozen=True)
class Scene:
    """Team one full of canaries, the ids that addresses and forms take, and team two's own."""

    t1: Team
    filled: Canaries
    values: dict[str, object]
    own: dict[str, object]
    bob: User
    t2: Team


@pytest.fixture
def scene(things: Things, t1: Team, t2: Team, alice: User, bob: User) -> Scene:  # noqa: F811
    """Fill both teams; the ids of team one are those that the route matrix knows."""
    filled = Canaries(t1, alice, CANARY)
    mine = Canaries(t2, bob, "OWN-T2")
    values = arguments(things)
    own = values | {name: mine.rows[model].pk for name, model in _parameters().items() if model in mine.rows}
    own |= {"team_id": t2.pk, "membership_id": bob.memberships.get().pk}
    return Scene(t1, filled, values, own, bob, t2)


def _parameters() -> dict[str, type[models.Model]]:
    """Return which model's id each parameter of an address names."""
    models_by_name = {model._meta.model_name or "": model for model in apps.get_models()}
    names = {
        "set_id": "questionset", "question_id": "setquestion", "version_id": "documentversion", "view_id": "savedview",
        "curated_id": "curatedanswer", "source_id": "websource", "job_id": "ingestionjob",
    }  # fmt: skip
    plain = ("library", "document", "chunk", "conversation", "message", "figure", "gap", "run")
    return {f"{name}_id": models_by_name[name] for name in plain} | {
        parameter: models_by_name[name] for parameter, name in names.items()
    }


@pytest.fixture
def clients(scene: Scene, xen: User, root: User) -> dict[str, Client]:
    """Return the browsers and programs of everybody who has no right to team one."""
    suspended, closed = factories.UserFactory(), factories.UserFactory()
    for user in (suspended, closed):
        factories.MembershipFactory(team=scene.t1, user=user, role=Role.OWNER)
    found = {
        "anonymous": Client(raise_request_exception=False),
        "bob": signed_in(scene.bob, raise_request_exception=False),
        "xen": signed_in(xen, raise_request_exception=False),
        "suspended member": signed_in(suspended, raise_request_exception=False),
        "suspended account": signed_in(closed, raise_request_exception=False),
        "administrator": signed_in(root, raise_request_exception=False),
    }
    Membership.objects.filter(user=suspended).update(suspended_at=timezone.now())
    User.objects.filter(pk=closed.pk).update(is_active=False)
    _key, secret = create_key(
        user=scene.bob, access=access_team(scene.bob, scene.t2.pk), wish=KeyWish("all", frozenset(KeyScope))
    )
    found["outsider's key"] = Client(raise_request_exception=False, headers={"authorization": f"Bearer {secret}"})
    return found


@dataclass(frozen=True)
class Ask:
    """One request of the walk."""

    route: str
    access: Access
    path: str
    form: dict[str, str]


def asks(scene: Scene, things: Things) -> Iterator[Ask]:  # noqa: F811
    """Yield each route as the table asks it, and each address with a search for the canary's first half."""
    for route, rows in sorted(ROUTES.items()):
        path = address(route, scene.values)
        for access in rows:
            extra = "&".join(f"{name}={value}" for name, value in access.query(things).items())
            yield Ask(route, access, f"{path}?{extra}" if extra else path, access.form(things))
            if access.method == "GET":
                named = "&".join(f"{name.removesuffix('_id')}={value}" for name, value in scene.values.items())
                yield Ask(route, access, f"{path}?{QUERY}&{named}", {})


def carries(response: HttpResponse, logged: str, known: str = "") -> list[str]:
    """Return where the canary is, but for a word that the persona knows."""
    places = {
        "body": body(response).decode(errors="replace"),
        "headers": str(sorted(response.headers.items())),
        "cookies": str(response.cookies),
        "mail": "".join(f"{each.subject} {each.body}" for each in mail.outbox),
        "log": logged,
    }
    return [name for name, text in places.items() if CANARY in (text.replace(known, "") if known else text)]


@pytest.mark.parametrize("persona", STRANGERS)
def test_it_shows_a_canary_to_nobody(
    persona: str,
    scene: Scene,
    clients: dict[str, Client],
    things: Things,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Security cases 1, 3 to 7, 9 to 12, 17, 22, 25 and 26 as a class: every route × everybody without a right."""
    found = []
    before = rows_of(scene)
    for ask in asks(scene, things):
        if ask.route in WITH_LINK:
            continue
        caplog.clear()
        mail.outbox.clear()
        with transaction.atomic():
            response = answer_to(clients[persona], ask.access.method, ask.path, ask.form)
            changed = ["rows"] if ask.access.method != "GET" and rows_of(scene) != before else []
            transaction.set_rollback(True)
        known = (
            scene.t1.name if persona == "suspended member" else ""
        )  # they see which of their teams they are kept out of
        where = carries(response, caplog.text, known) + changed
        if response.status_code >= 500 and response.status_code != 503:
            where.append(str(response.status_code))
        if where:
            found.append((ask.route, ask.access.method, ask.path, where))
    assert found == []


def test_it_shows_an_administrator_no_content(
    scene: Scene,
    clients: dict[str, Client],
    things: Things,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who runs the installation sees teams, people, sizes and states; no passage, answer, question or file's text."""
    monkeypatch.setattr("apps.console.admin_site.has_second_factor", lambda _user: True)
    content = [
        f"{CANARY} {kind}"
        for kind in (
            *("chunk", "section", "message", "conversation", "citation", "curatedanswer", "askedquestion", "content"),
            *("answertrace", "setquestion", "runresult", "feedback", "stagedchunk", "webpage"),
        )
    ]
    found = []
    for ask in asks(scene, things):
        if ask.access.method != "GET":
            continue
        with transaction.atomic():
            text = body(answer_to(clients["administrator"], "GET", ask.path, {})).decode(errors="replace")
            transaction.set_rollback(True)
        found += [(ask.route, ask.path, word) for word in content if word in text]
    assert found == []


def test_it_lets_nothing_of_another_team_point_at_it(
    scene: Scene,
    clients: dict[str, Client],
    things: Things,  # noqa: F811
) -> None:
    """Security cases 2, 3 and 15: a foreign id in any form of one's own pages attaches nothing, changes nothing."""
    found = []
    before = rows_of(scene)
    for route, rows in sorted(ROUTES.items()):
        for access in rows:
            if access.method != "POST" or not access.form(things) or route in WITH_LINK:
                continue
            for form in (access.form(things), _smuggled(access.form(things), scene)):
                with transaction.atomic():
                    response = answer_to(clients["bob"], "POST", address(route, scene.own), form)
                    where = carries(response, "")
                    where += [] if rows_of(scene) == before else ["rows"]
                    where += crossing(scene) if response.status_code < 400 else []
                    transaction.set_rollback(True)
                if where:
                    found.append((route, form, where))
    assert found == []


def _smuggled(form: dict[str, str], scene: Scene) -> dict[str, str]:
    """Return the form with fields that no form has: ids and rights of team one (create that is an upsert)."""
    ids = {name.removesuffix("_id"): str(value) for name, value in scene.values.items()}
    return ids | form | {"id": str(scene.values["library_id"]), "team_id": str(scene.t1.pk), "is_superuser": "true"}


_MODELS = [model for model in team_models() if model._meta.db_table not in OPEN]
_DIGEST = " UNION ALL ".join(
    f"SELECT '{table}', count(*), sum(hashtextextended(t::text, 0)) FROM {table} t"  # noqa: S608
    for table in sorted(model._meta.db_table for model in _MODELS)
)
_CROSSING = " UNION ALL ".join(
    f"SELECT '{model._meta.db_table}.{field.column}' FROM {model._meta.db_table} c"  # noqa: S608
    f" WHERE c.{field.column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {field.related_model._meta.db_table} up"
    f" WHERE up.{field.related_model._meta.pk.column} = c.{field.column})"
    for model in _MODELS
    for field in model._meta.fields
    if isinstance(field, models.ForeignKey) and field.related_model in _MODELS
)


def rows_of(scene: Scene) -> list[Any]:
    """Return a digest of every row of team one, table by table."""
    with tenancy.acting_for(scene.t1.pk), as_role(), connection.cursor() as cursor:
        cursor.execute(_DIGEST)
        return cursor.fetchall()


def crossing(scene: Scene) -> list[str]:
    """Return the references from rows of team two to rows that only team one can see."""
    with tenancy.acting_for(scene.t2.pk), as_role(), connection.cursor() as cursor:
        cursor.execute(_CROSSING)
        return sorted({row[0] for row in cursor.fetchall()})


def test_it_would_find_a_crossing_and_a_change(scene: Scene) -> None:
    """The oracle itself: a reference across teams and a changed row are seen."""
    before = rows_of(scene)
    assert crossing(scene) == []
    theirs, mine = scene.values["document_id"], scene.own["conversation_id"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE chat_conversation SET title = 'x' WHERE team_id = %s", [scene.t1.pk])
        cursor.execute(
            "UPDATE chat_citation SET document_id = %s WHERE message_id IN"
            " (SELECT id FROM chat_message WHERE conversation_id = %s)",
            [theirs, mine],
        )
    assert rows_of(scene) != before
    assert "chat_citation.document_id" in crossing(scene)
