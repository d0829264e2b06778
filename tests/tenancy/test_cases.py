"""Security cases of sections 1A and 1B by their numbers: those not proved elsewhere, and that each number is proved."""

import inspect
import json
import re
import secrets
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import connections, models
from django.test import Client
from pydantic import SecretStr

from apps.chat.models import Conversation, Message
from apps.core import events
from apps.core.crypto import seal
from apps.ingestion.models import IngestionJob
from apps.ingestion.services import take_upload
from apps.users.access import access_team
from apps.users.keys import KeyWish, create_key, new_secret
from apps.users.models import KeyScope, Team, User
from tests import factories
from tests.routes import ROUTES
from tests.settings_override import env
from tests.sockets import Socket
from tests.tenancy.canaries import team_models
from tests.tenancy.test_oracle import Scene, asks, clients, scene  # noqa: F401 -- fixtures
from tests.test_routes import PATTERNS, Things, answer_to, body, things  # noqa: F401 -- a fixture
from tests.users.signing import signed_in

APPS = Path(__file__).parents[2] / "apps"
TESTS = Path(__file__).parents[1]
UPLOADED = b"Water boils at 100 degrees.\n"


@pytest.fixture
def bobs_key(bob: User, t2: Team) -> Client:
    """Return a program of team two whose key may do everything."""
    _key, secret = create_key(user=bob, access=access_team(bob, t2.pk), wish=KeyWish("all", frozenset(KeyScope)))
    return Client(headers={"authorization": f"Bearer {secret}"})


def _post(client: Client, path: str, **data: object) -> Any:
    return client.post(path, json.dumps(data), content_type="application/json")


def test_case_5_no_program_goes_on_with_somebody_elses_conversation(scene: Scene, bobs_key: Client) -> None:  # noqa: F811
    theirs = str(scene.values["conversation_id"])
    before = Message.objects.count()

    answers = [
        _post(bobs_key, "/api/v1/ask", question="Go on", conversation=each) for each in (theirs, str(UUID(int=4)))
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert Message.objects.count() == before


@pytest.mark.django_db(transaction=True)
async def test_case_6_no_stranger_hears_an_answer_while_it_streams(
    conversation: Conversation, bob: User, t2: Team, bob_client: Client, xen_client: Client
) -> None:
    """Neither by its socket, nor by its id and a cursor on a socket of one's own, while words are written."""

    def begin() -> tuple[Message, Conversation]:
        answer = factories.AnswerFactory(conversation=conversation, text="", state=Message.State.RUNNING, attempt=1)
        writer = events.Writer(answer.pk, 1)
        for number in range(200):
            writer.publish(events.AnswerDelta(f"CANARY-T1 {number} ", 1))
        return answer, factories.ConversationFactory(team=t2, owner=bob)

    answer, own = await sync_to_async(begin)()
    for client in (bob_client, xen_client):
        assert await Socket(f"/ws/chat/{conversation.pk}/", client).connect() == (False, 4404)
    opened = Socket(f"/ws/chat/{own.pk}/", bob_client)
    assert (await opened.connect())[0]
    for command in ("follow", "stop"):
        await opened.command(type=command, message=str(answer.pk), cursor={"attempt": 1, "seq": 3})
        frame = await opened.frame()
        assert (frame["type"], frame["code"]) == ("error", "not-found")
    await opened.disconnect()

    def look_and_close() -> bool:
        answer.refresh_from_db()
        connections.close_all()  # of this thread
        return answer.stop_requested

    assert not await sync_to_async(look_and_close)()


def test_case_9_a_key_searches_no_library_of_another_team(scene: Scene, bobs_key: Client) -> None:  # noqa: F811
    theirs, mine = str(scene.values["library_id"]), str(scene.own["library_id"])

    for libraries in ([theirs], [mine, theirs]):
        for path in ("/api/v1/search", "/api/v1/ask"):
            assert _post(bobs_key, path, question="CANARY", libraries=libraries).status_code == 404, (path, libraries)


def test_case_10_the_product_calls_no_address_that_a_team_sets_but_web_sources() -> None:
    """A new column with an address is a new way out: it belongs behind core.netfetch, and into this list."""
    found = {
        f"{model._meta.label}.{field.name}"
        for model in team_models()
        for field in model._meta.fields
        if re.search(r"(^|_)(url|urls|endpoint|webhook|callback|host)(_|$)", field.name)
    }

    assert found == {"ingestion.WebSource.urls", "ingestion.WebPage.url", "libraries.Document.source_url"}


def test_case_12_only_an_invitation_is_opened_by_a_link() -> None:
    """There are no links to documents or chats; a new kind of link needs the rights of whoever made it, at each use."""
    by_link = {name for name in ROUTES if {"token", "key", "signature"} & _parameters(name)}

    # The address of a picture is signed for one person, whose session and rights are asked for at each use; that of
    # OpenAI's API for one key, whose own and whose person's rights are.
    assert by_link - {"images:file", "api:openai-file", "openai:openai-file"} == {
        "users:invitation", "account_reset_password_from_key", "account_confirm_email",
    }  # fmt: skip


def _parameters(name: str) -> set[str]:
    pattern: Any = PATTERNS[name].pattern
    return set(pattern.regex.groupindex) | set(getattr(pattern, "converters", {}))


def test_case_13_nothing_renders_a_template_that_people_write() -> None:
    """The chat template of a model's file is the only one that is not ours, and runs in jinja2's sandbox."""
    makers = re.compile(r"(?<![\w.])(Template|Environment|from_string|render_to_string_from)\(")
    found = {
        str(path.relative_to(APPS))
        for path in APPS.rglob("*.py")
        if any(makers.search(line) and "Sandboxed" not in line for line in path.read_text().splitlines())
    }

    assert found <= {"runtimes/template.py"}


def test_case_16_an_upload_tells_nothing_of_the_same_file_elsewhere(t1: Team, t2: Team, alice: User, bob: User) -> None:
    theirs, mine = factories.LibraryFactory(team=t1), factories.LibraryFactory(team=t2)
    take_upload(user=alice, library=theirs, file=ContentFile(UPLOADED), name="a.txt")

    same = take_upload(user=bob, library=mine, file=ContentFile(UPLOADED), name="a.txt")
    other = take_upload(user=bob, library=mine, file=ContentFile(UPLOADED * 2), name="b.txt")

    assert same.outcome == other.outcome
    assert same.document.library_id == mine.pk
    assert {same.document.status, other.document.status} == {"queued"}
    assert IngestionJob.objects.filter(team=t2).count() == 2


def test_case_18_ids_and_secrets_cannot_be_guessed() -> None:
    found = []
    for model in apps.get_models():
        key: Any = model._meta.pk
        is_ours = model.__module__.startswith("apps.")
        if is_ours and isinstance(key, models.UUIDField) and key.has_default():
            found.append({key.get_default().version for _ in range(100)})
    assert found
    assert set.union(*found) == {4}
    made = {new_secret()[1] for _ in range(10_000)}
    assert len(made) == 10_000
    assert min(map(len, made)) >= len(secrets.token_urlsafe(16))


def test_case_27_a_view_is_told_nothing_but_what_its_address_says() -> None:
    """An argument of a view that stands in no address could only come from inside, and one day from a query."""
    wrong: list[tuple[str, set[str]]] = []
    addressed: dict[Any, set[str]] = {}
    for name, pattern in PATTERNS.items():  # one view may serve several addresses
        addressed[pattern.callback] = addressed.get(pattern.callback, set()) | _parameters(name)
    for name, pattern in PATTERNS.items():
        if name.startswith(("admin:", "account", "mfa", "openid", "set_language")):
            continue
        view = inspect.unwrap(pattern.callback)
        if hasattr(view, "view_class") or hasattr(view, "cls"):
            continue
        told = {
            each.name
            for each in list(inspect.signature(view).parameters.values())[1:]
            if each.kind not in {each.VAR_KEYWORD, each.VAR_POSITIONAL}
        }
        if told - addressed[pattern.callback] - set(pattern.default_args):
            wrong.append((name, told))
    assert wrong == []


def test_case_37_no_page_shows_a_secret(
    scene: Scene,  # noqa: F811
    clients: dict[str, Client],  # noqa: F811
    things: Things,  # noqa: F811
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    """Security case 37: with a canary in every secret, nothing that an owner or an administrator may open has it."""
    monkeypatch.setattr("apps.console.admin_site.has_second_factor", lambda _user: True)
    word = "SECRET-CANARY-9c1f"
    factories.AIModelFactory(
        name="outside",
        is_default=False,
        base_url="https://models.test/v1",
        credential=seal(f"{word}-credential", place="a test"),
    )
    _key, secret = create_key(
        user=alice, access=access_team(alice, scene.t1.pk), wish=KeyWish("own", frozenset({KeyScope.READ}))
    )
    owner = signed_in(alice, raise_request_exception=False)
    hidden = [word, secret.rpartition("_")[2], settings.SECRET_KEY, alice.password]
    found = []
    with env(smtp_password=SecretStr(f"{word}-smtp"), smtp_host=""):
        for ask in asks(scene, things):
            if ask.access.method != "GET":
                continue
            for client in (owner, clients["administrator"]):
                text = body(answer_to(client, "GET", ask.path, {})).decode(errors="replace")
                found += [(ask.route, ask.path, each[:6]) for each in hidden if each and each in text]
    assert found == []


def test_it_proves_each_case_of_both_sections() -> None:
    """Security-cases 1A and 1B are 1 to 39; a docstring, a comment or a name says which tests prove a number."""
    proved: set[int] = set()
    for path in TESTS.rglob("*.py"):
        text = path.read_text()
        said = re.findall(r"(?i)\bcases? ((?:\d+(?:, | and | to )?)+)(?! ?of the faults)(?!\d)", text)
        for numbers in said + re.findall(r"case_(\d+)", text):
            proved |= _numbers(numbers)

    assert set(range(1, 40)) - proved == set()


def _numbers(text: str) -> set[int]:
    found: set[int] = set()
    for part in re.split(r", | and ", text.strip()):
        first, _to, last = part.partition(" to ")
        if first.isdecimal():
            found |= set(range(int(first), int(last or first) + 1))
    return found
