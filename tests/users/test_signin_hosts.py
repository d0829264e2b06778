"""Case 33: what a request says about its host decides nothing, least of all where a link in a mail leads."""

import pytest
from django.core import mail
from django.test import Client, override_settings

from apps.users.models import User
from kb_project.env import Env

HOSTILE = (
    {"host": "evil.test"},
    {"host": "localhost:80@evil.test"},
    {"host": "evil.test:8000"},
    {"host": "localhost", "x-forwarded-host": "evil.test"},
    {"host": "localhost", "x-forwarded-proto": "https", "forwarded": "host=evil.test"},
)


@pytest.mark.parametrize("headers", HOSTILE, ids=range(len(HOSTILE)))
@override_settings(PUBLIC_URL="https://kb.example.test")
def test_case_33_links_lead_to_the_configured_address(headers: dict[str, str], alice: User) -> None:
    response = Client().post("/accounts/password/reset/", {"email": alice.email}, headers=headers)

    assert response.status_code in {302, 400}
    for message in mail.outbox:
        assert "evil" not in message.subject + str(message.body) + str(message.message())
        assert "https://kb.example.test/accounts/password/reset/key/" in message.body


@pytest.mark.parametrize("hosts", ["*", "localhost, *"])
def test_case_33_it_does_not_start_for_any_host(hosts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_ALLOWED_HOSTS", hosts)

    with pytest.raises(ValueError, match="must name hosts"):
        Env()
