"""The route matrix: every address, walked by introspection, as somebody who has no right to it."""

import itertools
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from apps.catalog.models import AIModel, ModelAccess
from apps.chat.models import Citation, Conversation, Feedback, Message
from apps.evaluation.models import Gap, QuestionSet, Run, SetQuestion
from apps.images.models import Board, ImageJob, Picture, Scene, Story
from apps.ingestion.models import IngestionJob, WebSource
from apps.libraries.models import Chunk, ChunkEdit, CuratedAnswer, Document, DocumentVersion, Figure, Library, SavedView
from apps.users.access import access_team
from apps.users.invitations import invite
from apps.users.keys import KeyWish, create_key
from apps.users.models import ApiKey, Group, Invitation, KeyScope, Membership, Role, Team, TeamDomain, User
from tests import factories
from tests.image_rows import board_of, picture_of, scene_of
from tests.route_rows import NOBODYS, WORDS
from tests.routes import LOGIN, NF, ROUTES, Access, Expected, Things

PERSONAS = ("anonymous", "bob", "ann", "xen")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
REFUSED = {302, 401, 403, 404, 405}  # what a method that nobody listed may answer
SIGN_IN = ("/accounts/login/?next=", "/system/django/login/?next=")  # the second leads to the first
VARIABLE = {"X-Request-Id", "Date"}
PROTECTED = (
    Team,
    Membership,
    Invitation,
    Group,
    TeamDomain,
    Library,
    Document,
    DocumentVersion,
    Chunk,
    ChunkEdit,
    Figure,
    IngestionJob,
    Conversation,
    Message,
    Citation,
    Feedback,
    CuratedAnswer,
    WebSource,
    QuestionSet,
    SetQuestion,
    Run,
    Board,
    ImageJob,
    Picture,
    Scene,
    Story,
)
# What asks for a part of a thing, or for it unless it changed: no 206, 304 or 412 may tell that something is there.
IN_PARTS = {"range": "bytes=0-1", "if-none-match": "*"}
UNLESS_CHANGED = {"range": "bytes=0-1", "if-modified-since": "Sat, 01 Jan 2050 00:00:00 GMT"}


def routes(patterns: list[URLPattern | URLResolver], namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield the full name and pattern of every address."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield namespace + (pattern.name or f"unnamed {pattern.pattern}"), pattern
        else:
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from routes(pattern.url_patterns, inner)


# Django's admin sends its old addresses to the new ones, from inside the same wrapper; that route has no name.
PATTERNS = {name: pattern for name, pattern in routes(get_resolver().url_patterns) if "admin:unnamed" not in name}


@pytest.fixture
def things(chunk: Chunk, alice: User, ed: User, conversation: Conversation) -> Things:
    """Return one object of each kind, all alice's in t1."""
    t1 = conversation.team
    factories.ChatModelFactory()
    factories.ChunkEmbeddingFactory(chunk=chunk)
    job = factories.IngestionJobFactory(document=chunk.document)
    answer = factories.AnswerFactory(conversation=conversation, text="CANARY-T1 answer [1]")
    factories.CitationFactory(message=answer, chunk=chunk, number=1)
    questions = QuestionSet.objects.create(library=chunk.library, name="CANARY-T1 set")
    question = SetQuestion.objects.create(questions=questions, text="CANARY-T1 question?")
    run = Run.objects.create(questions=questions, state=Run.State.DONE, label="CANARY-T1 run")
    create_key(user=alice, access=access_team(alice, t1.pk), wish=KeyWish("CANARY-T1 key", frozenset({KeyScope.READ})))
    invitation, token = invite(user=alice, access=access_team(alice, t1.pk), role=Role.VIEWER)
    return Things(
        team=t1,
        membership=Membership.objects.get(team=t1, user=ed),
        invitation=invitation,
        group=Group.objects.create(team=t1, name="CANARY-T1 group"),
        domain=TeamDomain.objects.create(team=t1, domain="canary-t1.test"),
        token=token,
        library=chunk.library,
        document=chunk.document,
        chunk=chunk,
        curated=factories.CuratedAnswerFactory(library=chunk.library, answer="CANARY-T1 curated"),
        conversation=conversation,
        message_id=answer.pk,
        view_id=SavedView.objects.create(library=chunk.library, user=alice, name="CANARY-T1 view", query="tag=a").pk,
        job=job,
        figure=factories.FigureFactory(version=chunk.version, content=b"CANARY-T1 figure"),
        web_source=WebSource.objects.create(
            team=t1, library=chunk.library, kind="pages", urls=["https://canary-t1.test/"], state="idle"
        ),
        gap=Gap.objects.create(team=t1, library=chunk.library, title="CANARY-T1 gap"),
        question=question,
        run=run,
        key_id=ApiKey.objects.get(team=t1).pk,
        picture=picture_of(t1, alice),
        board=board_of(t1, alice),
        scene=scene_of(t1, alice, chunk.document),
        training_id=ImageJob.objects.create(team=t1, owner=alice, kind=ImageJob.Kind.TRAIN).pk,
        adapter_id=_adapter(t1),
    )


def _adapter(team: Team) -> object:
    """Return an adapter that was trained in the team and is the team's alone."""
    adapter = factories.AIModelFactory(name="canary-t1", kind=AIModel.Kind.ADAPTER, dimensions=None, is_open=False)
    ModelAccess.objects.create(model=adapter, team=team)
    return adapter.pk


def arguments(things: Things) -> dict[str, object]:
    """Return the value of each parameter that an address may have."""
    return {
        **WORDS,
        **{name: uuid.uuid4() for name in NOBODYS},
        "team_id": things.team.pk,
        "gap_id": things.gap.pk,
        "set_id": things.question.questions_id,
        "question_id": things.question.pk,
        "run_id": things.run.pk,
        "membership_id": things.membership.pk,
        "invitation_id": things.invitation.pk,
        "group_id": things.group.pk,
        "domain_id": things.domain.pk,
        "token": things.token,
        "library_id": things.library.pk,
        "document_id": things.document.pk,
        "version_id": things.document.current_version_id,
        "view_id": things.view_id,
        "chunk_id": things.chunk.pk,
        "curated_id": things.curated.pk,
        "conversation_id": things.conversation.pk,
        "message_id": things.message_id,
        "object_id": things.membership.pk,
        "user_id": things.membership.user_id,
        "source_id": things.web_source.pk,
        "job_id": things.job.pk,
        "figure_id": things.figure.pk,
        "key_id": things.key_id,
        "picture_id": things.picture.pk,
        "board_id": things.board.pk,
        "training_id": things.training_id,
        "adapter_id": things.adapter_id,
        "scene_id": things.scene.pk,
        "story_id": things.scene.story_id,
    }


def address(name: str, values: dict[str, object]) -> str:
    wanted = PATTERNS[name].pattern.regex.groupindex if name in PATTERNS else {}
    names = set(wanted) | set(getattr(PATTERNS[name].pattern, "converters", {}))
    return reverse(name, kwargs={one: values[one] for one in names})


def random_ids(values: dict[str, object]) -> dict[str, object]:
    return {name: uuid.uuid4() if isinstance(value, uuid.UUID) else value for name, value in values.items()}


def swap_ids(form: dict[str, str]) -> dict[str, str]:
    return {name: str(uuid.uuid4()) if _is_uuid(value) else value for name, value in form.items()}


def _is_uuid(value: str) -> bool:
    return re.fullmatch(r"[0-9a-f-]{36}", value) is not None


def _hash_of(model: type[models.Model]) -> str:
    table, key = model._meta.db_table, model._meta.pk.column
    return f"(SELECT md5(string_agg(t::text, '|' ORDER BY {key})) FROM {table} t)"  # noqa: S608 -- our own names


STATE = f"SELECT {', '.join(_hash_of(model) for model in PROTECTED)}"  # one query: it is asked after each request


def state() -> dict[str, str | None]:
    """Return a hash of each table that must not change under a refused request."""
    with connection.cursor() as cursor:
        cursor.execute(STATE)
        return dict(zip((model.__name__ for model in PROTECTED), cursor.fetchone(), strict=True))


def answer_to(
    client: Client, method: str, path: str, form: dict[str, str], headers: dict[str, str] | None = None
) -> HttpResponse:
    data: Any = form if method == "POST" else None
    response = (
        client.generic(method, path, headers=headers) if data is None else client.post(path, data, headers=headers)
    )
    if response.streaming:
        response.content_read = b"".join(response.streaming_content)
    return response


def body(response: HttpResponse) -> bytes:
    return response.content_read if response.streaming else response.content


def fingerprint(response: HttpResponse) -> tuple[int, bytes, list[tuple[str, str]], list[str]]:
    headers = sorted((name, value) for name, value in response.headers.items() if name not in VARIABLE)
    return response.status_code, body(response), headers, sorted(response.cookies)


def fits(response: HttpResponse, expected: Expected) -> bool:
    if expected == LOGIN:
        return response.status_code == 302 and response.headers["Location"].startswith(SIGN_IN)
    return response.status_code == (404 if expected == NF else expected)


def test_it_lists_every_route_and_no_other() -> None:
    assert set(PATTERNS) == set(ROUTES)


@pytest.fixture
def clients(request: pytest.FixtureRequest) -> dict[str, Client]:
    """Return each persona's browser."""
    return {persona: request.getfixturevalue(f"{persona}_client") for persona in PERSONAS}


# Routes that are tried with one set of objects: each on its own, those of Django's admin, which are many, at once.
TOGETHER = {"admin": sorted(name for name in ROUTES if name.startswith("admin:"))}
TOGETHER |= {name: [name] for name in sorted(ROUTES) if not name.startswith("admin:")}


@pytest.mark.parametrize("names", TOGETHER.values(), ids=TOGETHER)
def test_it_answers_as_the_table_says(names: list[str], things: Things, clients: dict[str, Client]) -> None:
    for name, (persona, client) in itertools.product(names, clients.items()):
        with transaction.atomic():  # each persona finds the same state
            check_route(name, persona, client, things)
            transaction.set_rollback(True)


def check_route(name: str, persona: str, client: Client, things: Things) -> None:
    path = address(name, arguments(things))
    nowhere = address(name, random_ids(arguments(things)))
    before = state()
    for access in ROUTES[name]:
        expected: Expected = getattr(access, persona)

        response = answer_to(client, access.method, _with_query(path, access, things), access.form(things))

        assert fits(response, expected), (
            persona,
            access.method,
            response.status_code,
            response.headers.get("Location"),
        )
        if expected in {LOGIN, NF, 403}:
            assert state() == before, (persona, access.method)
            assert b"CANARY-T1" not in body(response)
        else:
            before = state()
        if expected == NF:
            assert_like_nothing(client, access, (path, nowhere), things, persona)


def _with_query(path: str, access: Access, things: Things) -> str:
    query = access.query(things)
    return path + ("?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else "")


def ways(method: str, *, is_stranger: bool) -> list[tuple[str, dict[str, str]]]:
    """Return how what is not one's own is asked for; a stranger tries all: as page, JSON, fragment, conditionally."""
    found: list[tuple[str, dict[str, str]]] = [(method, {})]
    if method == "GET":
        found.append(("HEAD", IN_PARTS))
    if is_stranger:
        found += [(method, {"accept": "application/json"}), (method, {"hx-request": "true"})]
    if is_stranger and method == "GET":
        found += [("GET", IN_PARTS), ("GET", UNLESS_CHANGED)]
    return found


def assert_like_nothing(client: Client, access: Access, paths: tuple[str, str], things: Things, persona: str) -> None:
    """Compare the answer to that of a random id, byte for byte, and to that of no address at all."""
    path, nowhere = paths
    form = access.form(things)
    other_form = swap_ids(form) if path == nowhere else form
    plain = answer_to(client, "GET", f"/{uuid.uuid4()}/", {})
    for method, headers in ways(access.method, is_stranger=persona == "bob"):
        there = answer_to(client, method, _with_query(path, access, things), form, headers)
        not_there = answer_to(client, method, _with_query(nowhere, access, things), other_form, headers)
        assert there.status_code in ({404} if method != "HEAD" else {404, 405})
        assert fingerprint(there) == fingerprint(not_there), (method, headers)
        assert headers or path.startswith("/api/") or body(plain) == body(there)


@pytest.mark.parametrize("names", TOGETHER.values(), ids=TOGETHER)
def test_it_refuses_methods_that_nobody_listed(
    names: list[str], things: Things, bob_client: Client, ann_client: Client
) -> None:
    for name in names:
        refuses_others(name, things, (Client(), bob_client, ann_client))


def refuses_others(name: str, things: Things, clients: tuple[Client, ...]) -> None:
    path = address(name, arguments(things))
    listed = {access.method for access in ROUTES[name]}

    before = state()
    for method, client in itertools.product(set(METHODS) - listed, clients):
        response = client.generic(method, path)

        shows_again = {200} if name.startswith(("account_", "mfa_")) else set()  # allauth shows its form again on PUT
        assert response.status_code in REFUSED | shows_again, (method, response.status_code)
        assert state() == before


@pytest.mark.parametrize("persona", PERSONAS)
def test_it_answers_a_wrong_form_of_id_like_an_unknown_one(persona: str, request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(f"{persona}_client")

    bodies = {client.get(f"/libraries/{wrong}/").content for wrong in ("1", "'%20OR%201=1--", "..%2f..%2f", "x" * 3000)}

    assert len(bodies) == 1


def test_it_asks_every_view_for_a_person() -> None:
    """The table itself names what is public; everything else sends strangers to the sign-in page."""
    public = {name for name, rows in ROUTES.items() if any(row.anonymous not in {LOGIN, 401} for row in rows)}

    assert public == {
        "healthz", "readyz", "set_language", "account_theme", "account_login", "account_logout", "account_inactive",
        "account_signup", "account_reset_password", "account_reset_password_done", "account_reset_password_from_key",
        "account_reset_password_from_key_done", "users:invitation", "account_confirm_email",
        "account_email_verification_sent", "mfa_index", "mfa_list_webauthn", "mfa_authenticate", "mfa_login_webauthn",
        "openid_connect_login", "openid_connect_callback",
        "api:openai-file", "openai:openai-file",  # signed for ten minutes, for the key that asked
    }  # fmt: skip
