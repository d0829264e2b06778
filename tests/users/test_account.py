"""Language, theme, name, and what a person cannot set about themselves."""

from django.test import Client

from apps.users.models import Role, Team, User


def test_it_speaks_the_language_of_the_cookie_before_and_of_the_person_after_sign_in(
    anonymous_client: Client, alice_client: Client, alice: User
) -> None:
    anonymous_client.post("/i18n/language/", {"language": "zh-hans", "next": "/accounts/login/"})
    alice_client.post("/i18n/language/", {"language": "zh-hans", "next": "/accounts/"})
    alice_client.cookies.pop("kb_language")

    assert anonymous_client.get("/accounts/login/").headers["Content-Language"] == "zh-hans"
    assert alice_client.get("/accounts/").headers["Content-Language"] == "zh-hans"
    alice.refresh_from_db()
    assert alice.language == "zh-hans"


def test_it_speaks_what_the_browser_prefers_until_somebody_chooses(anonymous_client: Client) -> None:
    response = anonymous_client.get("/accounts/login/", headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"})

    assert response.headers["Content-Language"] == "zh-hans"
    assert "Accept-Language" in response.headers["Vary"]


def test_it_keeps_the_theme_in_a_cookie_and_on_the_account(
    alice: User, alice_client: Client, anonymous_client: Client
) -> None:
    assert alice_client.post("/accounts/theme/", {"theme": "dark"}).status_code == 204
    assert anonymous_client.post("/accounts/theme/", {"theme": "dark"}).cookies["kb_theme"].value == "dark"
    assert anonymous_client.post("/accounts/theme/", {"theme": "<x>"}).status_code == 400

    alice.refresh_from_db()
    assert alice.theme == "dark"


def test_it_saves_name_and_language_and_nothing_else(ann: User, ann_client: Client, t1: Team) -> None:
    forbidden = {
        "is_staff": "true",
        "is_superuser": "on",
        "is_active": "",
        "email": "root@example.test",
        "session_epoch": "9",
        "role": "owner",
        "team": str(t1.pk),
        "password": "x",
        "groups": "1",
    }
    before = User.objects.filter(pk=ann.pk).values().get()

    response = ann_client.post("/accounts/", {"name": "安 Ann", "language": "zh-hans", "theme": "light"} | forbidden)

    after = User.objects.filter(pk=ann.pk).values().get()
    assert response.status_code == 302
    assert after == before | {"name": "安 Ann", "language": "zh-hans", "theme": "light"}
    assert ann.memberships.get().role == Role.VIEWER


def test_it_shows_what_is_left_of_the_limits(alice_client: Client) -> None:
    page = alice_client.get("/accounts/usage/").content.decode()

    assert "1,000" in page


def test_it_sends_security_headers_with_every_page(alice_client: Client, anonymous_client: Client) -> None:
    for response in (alice_client.get("/accounts/"), anonymous_client.get("/accounts/login/"), alice_client.get("/no")):
        policy = response.headers["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
