"""Django's admin: a second tool for administrators with a second factor, to read rows without anybody's content."""

import pytest
from django.test import Client

from apps.console.admin_site import SECRET, site
from apps.users.models import User
from tests import factories
from tests.users.signing import signed_in

pytestmark = pytest.mark.django_db
HOME = "/system/django/"


@pytest.fixture
def guarded(root: User, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr("apps.console.admin_site.has_second_factor", lambda _user: True)
    return signed_in(root)


def test_it_is_not_there_for_others(alice: User) -> None:
    assert signed_in(alice).get(HOME).status_code == 404
    assert Client().get(HOME).status_code == 302


def test_it_asks_administrators_for_a_second_factor(root: User) -> None:
    assert signed_in(root).get(HOME).status_code == 403


@pytest.mark.parametrize("model", list(site._registry), ids=lambda model: model._meta.label_lower)
def test_it_lists_and_changes_nothing(model: type, guarded: Client) -> None:
    app, name = model._meta.app_label, model._meta.model_name  # type: ignore[attr-defined]
    assert guarded.get(f"{HOME}{app}/{name}/").status_code == 200
    assert guarded.get(f"{HOME}{app}/{name}/?q=x").status_code == 200
    assert guarded.post(f"{HOME}{app}/{name}/add/").status_code == 403


def test_it_shows_no_secret_and_no_content(guarded: Client, root: User) -> None:
    key_free = guarded.get(f"{HOME}users/user/{root.pk}/change/").content.decode()
    assert root.email in key_free
    assert root.password not in key_free
    labels = {model._meta.label_lower for model in site._registry}
    assert not labels & {
        "chat.conversation", "chat.message", "libraries.document", "libraries.chunk", "libraries.library",
        "libraries.askedquestion", "chat.chatopening",
    }  # fmt: skip
    for admin in site._registry.values():
        shown = admin.get_fields(None)  # type: ignore[arg-type]
        assert not SECRET & set(shown)


def test_it_refuses_a_change_by_hand(guarded: Client) -> None:
    person = factories.UserFactory()
    answer = guarded.post(f"{HOME}users/user/{person.pk}/change/", {"is_superuser": "on", "email": person.email})
    assert answer.status_code == 403
    person.refresh_from_db()
    assert not person.is_superuser
