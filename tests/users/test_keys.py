"""API keys: one parser, at most the rights of their person at that moment, useless from the commit of their end on."""

import ast
import re
import threading
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.core.errors import Forbidden
from apps.libraries.models import Document, Library
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Resource, Scope, Window
from apps.users import keys
from apps.users.access import access_team, acting_key
from apps.users.errors import KeyInvalid, KeyRefused
from apps.users.models import ApiKey, KeyScope, Membership, Role, Team, User
from tests import factories
from tests.users.signing import signed_in

ME = "/api/v1/me"
ALL = frozenset(KeyScope) - {KeyScope.IMAGE_RULES}  # that an editor may have
READ = frozenset({KeyScope.READ})


def make(user: User, team: Team, scopes: frozenset[KeyScope] = READ, **wish: Any) -> tuple[ApiKey, str]:
    wish = {"name": "Robot", "scopes": scopes} | wish
    return keys.create_key(user=user, access=access_team(user, team.pk), wish=keys.KeyWish(**wish))


def get(secret: str, path: str = ME, **headers: str) -> HttpResponse:
    return Client().get(path, headers={"authorization": f"Bearer {secret}", **headers})


@pytest.fixture
def secret(ed: User, t1: Team) -> str:
    """Return the secret of a key of the editor that may do everything."""
    return make(ed, t1, ALL - {KeyScope.IMAGES})[1]


def test_it_says_who_asks(ed: User, t1: Team, secret: str) -> None:
    body = get(secret).json()

    assert body["user"]["email"] == ed.email
    assert [team["id"] for team in body["teams"]] == [str(t1.pk)]
    assert body["key"]["name"] == "Robot"
    assert secret not in str(body)


@pytest.mark.parametrize(
    ("person", "wanted"), [("ann", "read search ask images"), ("ed", "read search ask write images")]
)
def test_the_form_offers_what_the_role_can_give(person: str, wanted: str, request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(f"{person}_client")

    page = client.get(reverse("keys:own")).content.decode()
    refused = client.post(reverse("keys:own"), {"name": "Robot", "scopes": ["image-rules"]})

    assert sorted(re.findall(r'name="scopes" value="([a-z-]+)"', page)) == sorted(wanted.split())
    assert refused.status_code == 400
    assert not ApiKey.objects.exists()


def test_it_keeps_no_secret(ed: User, t1: Team) -> None:
    key, secret = make(ed, t1)

    stored = str(ApiKey.objects.filter(pk=key.pk).values_list().get())
    assert secret not in stored
    assert secret.partition("_")[2].partition("_")[2] not in stored
    assert secret not in str(list(AuditEvent.objects.values_list("detail", flat=True)))


def test_it_leaves_out_other_teams_of_its_person(ed: User, t1: Team, t2: Team, secret: str) -> None:
    factories.MembershipFactory(team=t2, user=ed, role=Role.OWNER)
    other = factories.LibraryFactory(team=t2, name="Other")

    assert len(get(secret).json()["teams"]) == 1
    assert get(secret, f"/api/v1/libraries/{other.pk}").status_code == 404
    assert get(secret, "/api/v1/libraries").json()["results"] == []


# Case 22: a suspended person's keys


@pytest.mark.parametrize(
    "end", ["suspended", "removed", "suspended here", "team suspended", "team going", "revoked", "expired"]
)
def test_case_22_it_ends_with_its_person_and_team(end: str, ed: User, t1: Team) -> None:
    key, secret = make(ed, t1)
    assert get(secret).status_code == 200
    now = timezone.now()
    ends = {
        "suspended": lambda: User.objects.filter(pk=ed.pk).update(is_active=False),
        "removed": lambda: Membership.objects.filter(user=ed).delete(),
        "suspended here": lambda: Membership.objects.filter(user=ed).update(suspended_at=now),
        "team suspended": lambda: Team.objects.filter(pk=t1.pk).update(suspended_at=now),
        "team going": lambda: Team.objects.filter(pk=t1.pk).update(deletion_at=now),
        "revoked": lambda: keys.revoke_key(user=ed, key=key),
        "expired": lambda: ApiKey.objects.filter(pk=key.pk).update(expires_at=now),
    }
    ends[end]()

    response = get(secret)

    assert response.status_code == 401
    assert response.json()["code"] == "key-refused"
    assert response.headers["WWW-Authenticate"] == "Bearer"


# Case 23: one parser for every way a key may be presented


def test_case_23_both_headers_mean_the_same(ed: User, t1: Team) -> None:
    _key, secret = make(ed, t1, READ)
    library = factories.LibraryFactory(team=t1)
    path = f"/api/v1/libraries/{library.pk}/documents"
    headers: list[dict[str, str]] = [
        {"authorization": f"Bearer {secret}"},
        {"authorization": f"bearer {secret}"},
        {"x-api-key": secret},
        {"authorization": f"Bearer {secret}", "x-api-key": secret},
    ]

    assert {Client().get(path, headers=each).status_code for each in headers} == {200}
    refused = [Client().post(path, headers=each) for each in headers]
    assert {(each.status_code, each.json()["code"]) for each in refused} == {(403, "scope-missing")}


def test_case_23_no_other_way_carries_a_key(ed: User, t1: Team, secret: str) -> None:
    browser = Client()
    browser.cookies["kb_session"] = secret
    browser.cookies["Authorization"] = f"Bearer {secret}"
    other = make(ed, t1)[1]

    answers = [
        Client().get(f"{ME}?api_key={secret}&authorization=Bearer+{secret}"),
        browser.get(ME),
        Client().get(ME, headers={"authorization": f"Basic {secret}"}),
        Client().get(ME, headers={"authorization": f"Token {secret}"}),
        Client().get(ME, headers={"authorization": secret}),
        Client().get(ME, headers={"authorization": f"Bearer {secret}, Bearer {secret}"}),
        Client().get(ME, headers={"authorization": f"Bearer {secret}", "x-api-key": other}),
        Client().get(ME, headers={"authorization": f"Bearer {secret}", "x-api-key": ""}),
        Client().get(ME, headers={"authorization": "Bearer ", "x-api-key": secret}),
        Client().get(ME, headers={"sec-websocket-protocol": secret}),
    ]

    assert {answer.status_code for answer in answers} == {401}


def test_case_23_a_wrong_key_beside_a_session_is_nobody(alice_client: Client, secret: str) -> None:
    assert alice_client.get(ME).status_code == 200

    assert alice_client.get(ME, headers={"x-api-key": "zk_wrong"}).status_code == 401


def test_it_opens_no_page_of_the_product(secret: str, library: Library) -> None:
    pages = ["/", "/accounts/", "/accounts/keys/", "/teams/", "/libraries/", f"/libraries/{library.pk}/", "/system/"]

    for page in pages:
        response = get(secret, page)
        assert response.status_code == 302, page
        assert response.headers["Location"].startswith("/accounts/login/")


def test_it_never_administers_the_installation(root: User, t1: Team) -> None:
    factories.MembershipFactory(team=t1, user=root, role=Role.OWNER)
    _key, secret = make(root, t1, ALL - {KeyScope.IMAGES})

    assert get(secret).status_code == 200
    assert get(secret, "/system/").status_code == 302


# Case 24: secrets come from `secrets`, and one kind is none of another


def test_case_24_it_is_no_other_kind_of_secret(alice: User, t1: Team, secret: str, client: Client) -> None:
    from apps.users.invitations import invite  # noqa: PLC0415

    _invitation, token = invite(user=alice, access=access_team(alice, t1.pk), role=Role.VIEWER)

    assert get(token).status_code == 401
    assert client.get(f"/teams/join/{secret}/").status_code == 404
    assert len({keys.new_secret()[1] for _ in range(1_000)}) == 1_000
    assert re.fullmatch(r"zk_[A-Za-z0-9]{10}_[A-Za-z0-9]{40}", secret)


# Case 25: who is let in is somebody


def test_case_25_no_authenticator_returns_nobody(anonymous_client: Client, secret: str) -> None:
    assert anonymous_client.get(ME).status_code == 401
    assert anonymous_client.get(ME).headers["WWW-Authenticate"] == "Bearer"
    assert get(secret).status_code == 200


# Case 27: nothing of the inside can be set from outside


def test_case_27_unknown_fields_are_refused(secret: str, library: Library) -> None:
    path = f"/api/v1/libraries/{library.pk}/documents"
    for query in ("bypass_filter=1", "owner__password__startswith=a", "ordering=owner__password", "fields=sha256"):
        assert get(secret, f"{path}?{query}").status_code == 400
    for extra in ("bypass_filter", "user", "team", "scope", "readable"):
        response = post(secret, "/api/v1/ask", {"question": "When?", extra: "x"})
        assert (response.status_code, response.json()["code"]) == (400, "invalid")


def post(secret: str, path: str, data: object) -> HttpResponse:
    return Client().post(path, data, content_type="application/json", headers={"x-api-key": secret})


# Case 28: what may not be used is refused before anything is asked


def test_case_28_foreign_libraries_and_models_are_refused(secret: str, library: Library, t2: Team) -> None:
    factories.ChatModelFactory()
    foreign = factories.LibraryFactory(team=t2)

    for data in ({"libraries": [str(foreign.pk)]}, {"libraries": [str(library.pk), str(foreign.pk)]}):
        assert post(secret, "/api/v1/ask", {"question": "When?"} | data).status_code == 404
        assert post(secret, "/api/v1/search", {"question": "When?"} | data).status_code == 404
    assert post(secret, "/api/v1/ask", {"question": "When?", "model": str(uuid.uuid4())}).status_code == 404


# Case 29: nobody raises themselves


def test_case_29_it_changes_no_rights(ed: User, secret: str) -> None:
    for method in ("post", "put", "patch", "delete"):
        call = getattr(Client(), method)
        body = {"role": "owner", "is_staff": True, "is_superuser": "true", "team": str(uuid.uuid4()), "quota": 0}
        response = call(ME, body, content_type="application/json", headers={"x-api-key": secret})
        assert response.status_code in {403, 405}
    ed.refresh_from_db()
    assert (ed.is_staff, ed.is_superuser) == (False, False)
    assert Membership.objects.get(user=ed).role == Role.EDITOR


# Case 30: at most the rights of whoever made it, at that moment


def test_case_30_nobody_makes_a_key_above_themselves(ann: User, t1: Team) -> None:
    with pytest.raises(Forbidden):
        make(ann, t1, frozenset({KeyScope.WRITE}))
    with pytest.raises(Forbidden):
        make(ann, t1, is_shared=True)
    with pytest.raises(KeyInvalid):
        make(ann, t1, frozenset())
    with pytest.raises(KeyInvalid):
        make(ann, t1, expires_at=timezone.now() - timedelta(seconds=1))
    assert not ApiKey.objects.exists()


def test_case_30_a_demotion_shrinks_its_keys_at_once(ed: User, t1: Team, secret: str, library: Library) -> None:
    path = f"/api/v1/libraries/{library.pk}/documents"
    assert Client().post(path, headers={"x-api-key": secret}).status_code == 400  # no file: it may write

    Membership.objects.filter(user=ed).update(role=Role.VIEWER)

    assert Client().post(path, headers={"x-api-key": secret}).status_code == 403
    assert get(secret, path).status_code == 200


def test_it_reads_the_libraries_that_it_is_for_alone(ed: User, t1: Team, library: Library, document: Document) -> None:
    other = factories.LibraryFactory(team=t1, name="Second")
    _key, secret = make(ed, t1, library_ids=(other.pk,))

    names = [row["name"] for row in get(secret, "/api/v1/libraries").json()["results"]]

    assert names == ["Second"]
    assert get(secret, f"/api/v1/libraries/{library.pk}").status_code == 404
    assert get(secret, f"/api/v1/documents/{document.pk}").status_code == 404
    assert get(secret, f"/api/v1/libraries/{library.pk}/documents").status_code == 404


def test_it_makes_no_keys_with_a_key(ed: User, t1: Team) -> None:
    key, _secret = make(ed, t1)
    from apps.core.errors import NotFound  # noqa: PLC0415
    from apps.users.api_auth import limits_of  # noqa: PLC0415

    token = acting_key.set(limits_of(key))
    try:
        with pytest.raises(NotFound):
            make(ed, t1)
        with pytest.raises(NotFound):
            keys.revoke_key(user=ed, key=key)
    finally:
        acting_key.reset(token)


# Case 31: one look-up, whatever is sent


@pytest.mark.parametrize(
    "wrong",
    ["' OR 1=1--", "zk_\x00", "a" * 2**20, "zk_𝒳𝒴𝒵_" + "é" * 40, "%00", "zk_%", "zk_" + "a" * 10 + "_" + "b" * 40, ""],
    ids=range(8),
)
def test_case_31_it_refuses_anything_else(wrong: str, secret: str) -> None:
    with (
        CaptureQueriesContext(
            connection,
        ) as queries,
        pytest.raises(KeyRefused),
    ):
        keys.find_key(wrong)
    assert len(queries) <= 1
    shown = wrong.replace("\x00", "").encode("ascii", "ignore").decode()
    assert get(shown).status_code == 401
    assert get(secret[:-1] + ("a" if secret[-1] != "a" else "b")).status_code == 401


# Case 32: comparisons in constant time


def test_case_32_secrets_are_not_compared_by_equality() -> None:
    root = Path(__file__).resolve().parents[2] / "apps"
    suspicious = re.compile(r"(secret|token|password|hash|digest)s?$")
    found = []
    for path in [*root.glob("users/*.py"), root / "core" / "crypto.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                names = [getattr(one, "attr", getattr(one, "id", "")) for one in (node.left, *node.comparators)]
                if any(suspicious.search(name) for name in names) and len(set(names)) > 1:  # two rows may be compared
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []


def test_it_keeps_when_it_was_used_to_the_minute_and_tells_once_a_day(ed: User, t1: Team) -> None:
    key, secret = make(ed, t1)

    get(secret)
    get(secret)

    key.refresh_from_db()
    assert key.last_used_at is not None
    assert AuditEvent.objects.filter(action="key.used").count() == 1


def test_it_obeys_its_budget(ed: User, t1: Team) -> None:
    key, secret = make(ed, t1)
    set_limit(Limit(scope=Scope.KEY, key=key, resource=Resource.API_CALLS, window=Window.DAY, limit=2), actor=ed)

    codes = [get(secret).status_code for _ in range(3)]

    assert codes == [200, 200, 429]
    assert "Retry-After" in get(secret).headers
    assert get(make(ed, t1)[1]).status_code == 200


def test_it_tells_its_answers_to_its_own_key_alone(ed: User, t1: Team, library: Library) -> None:
    factories.ChatModelFactory()
    _one, first = make(ed, t1, frozenset({KeyScope.ASK}))
    _two, second = make(ed, t1, frozenset({KeyScope.ASK}))

    made = post(first, "/api/v1/ask", {"question": "When?"})

    assert made.status_code == 202, made.content
    place = made.headers["Location"]
    assert get(first, place).json()["state"] == "pending"
    assert get(second, place).status_code == 404
    assert get(first, f"{place}?wait=1").json()["is_final"] is False
    assert {get(first, f"{place}?{query}").status_code for query in ("wait=99", "wait=x", "wait=-1", "a=1")} == {400}
    again = {"question": "And then?", "conversation": made.json()["conversation"]}
    assert post(second, "/api/v1/ask", again).status_code == 404


def test_it_leaves_no_limits_behind(secret: str) -> None:
    seen: list[object] = []

    def one() -> None:
        get(secret)
        seen.append(acting_key.get())

    one()
    thread = threading.Thread(target=lambda: seen.append(acting_key.get()))
    thread.start()
    thread.join()
    assert seen == [None, None]


def test_it_asks_sessions_for_a_csrf_token(alice: User, library: Library) -> None:
    browser = signed_in(alice, enforce_csrf_checks=True)

    response = browser.post("/api/v1/ask", {"question": "When?"}, content_type="application/json")

    assert response.status_code == 403
