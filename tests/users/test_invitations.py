"""Invitations by mail: who gets which mail, in which language, how often; and what accepting one proves."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test import Client, override_settings

from apps.users import invitation_mail, invitations
from apps.users.access import access_team, role_in
from apps.users.errors import TooManyInvitations
from apps.users.models import Invitation, Membership, Role, Team, User
from tests import factories
from tests.settings_override import env


@pytest.fixture
def mail_server() -> Iterator[None]:
    """Act as if a mail server were set up; the messages land in `mail.outbox`."""
    with env(smtp_host="mail.test"), override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        yield


def ask(client: Client, team: Team, emails: str, role: str = "viewer") -> int:
    return client.post(f"/teams/{team.pk}/invitations/", {"emails": emails, "role": role, "days": "5"}).status_code


def link_of(number: int = -1) -> str:
    (token,) = set(re.findall(r"/teams/join/([\w-]+)/", str(mail.outbox[number].body)))
    return f"/teams/join/{token}/"


@pytest.mark.usefixtures("mail_server")
def test_it_sends_an_invitation_to_each_address(t1: Team, alice_client: Client) -> None:
    assert ask(alice_client, t1, "New@example.test, wang@example.test;new@example.test\n") == 302
    assert invitation_mail.send_waiting() == 2

    assert sorted(message.to[0] for message in mail.outbox) == ["new@example.test", "wang@example.test"]
    message = mail.outbox[0]
    ((html, kind),) = message.alternatives  # type: ignore[attr-defined]
    assert kind == "text/html"
    for text in (message.body, html):
        assert f"{settings.PUBLIC_URL}/teams/join/" in text
        assert "CANARY-T1 team" in text
    assert set(Invitation.objects.values_list("mail", "mails")) == {("sent", 1)}
    assert "Sent" in alice_client.get(f"/teams/{t1.pk}/invitations/").content.decode()


@pytest.mark.usefixtures("mail_server")
def test_it_keeps_no_token_but_in_the_mail(t1: Team, alice_client: Client) -> None:
    ask(alice_client, t1, "new@example.test")
    before = Invitation.objects.get().token_hash
    invitation_mail.send_waiting()

    token = link_of().split("/")[3]
    after = Invitation.objects.get()
    assert after.token_hash != before
    assert token not in str(after.__dict__)
    assert token not in alice_client.get(f"/teams/{t1.pk}/invitations/").content.decode()


@pytest.mark.usefixtures("mail_server")
def test_it_writes_to_known_people_in_their_language_and_in_the_same_way(t1: Team, alice_client: Client) -> None:
    factories.UserFactory(email="known@example.test", language="zh-hans")
    known = alice_client.post(f"/teams/{t1.pk}/invitations/", {"emails": "known@example.test", "role": "viewer"})
    unknown = alice_client.post(f"/teams/{t1.pk}/invitations/", {"emails": "unknown@example.test", "role": "viewer"})
    assert (known.status_code, known.headers["Location"]) == (
        unknown.status_code,
        unknown.headers["Location"],
    )  # case 35

    invitation_mail.send_waiting()

    html = {message.to[0]: message.alternatives[0][0] for message in mail.outbox}  # type: ignore[attr-defined]
    assert '<html lang="zh-hans">' in html["known@example.test"]
    assert '<html lang="en">' in html["unknown@example.test"]


@pytest.mark.usefixtures("mail_server")
def test_it_puts_no_markup_and_no_header_of_a_team_into_mail(t1: Team, alice_client: Client) -> None:
    Team.objects.filter(pk=t1.pk).update(name='"><script>x</script>\r\nBcc: evil@example.test')
    ask(alice_client, t1, "new@example.test")
    invitation_mail.send_waiting()

    message = mail.outbox[0]
    assert "\n" not in message.subject
    assert message.recipients() == ["new@example.test"]
    assert "<script>" not in message.alternatives[0][0]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("mail_server")
def test_it_sends_again_with_a_new_link(t1: Team, bob: User, bob_client: Client, alice_client: Client) -> None:
    ask(alice_client, t1, bob.email)
    invitation_mail.send_waiting()
    first = link_of()
    invitation = Invitation.objects.get()

    assert alice_client.post(f"/teams/{t1.pk}/invitations/{invitation.pk}/resend/").status_code == 302
    invitation_mail.send_waiting()

    assert link_of() != first
    assert bob_client.post(first).status_code == 404
    assert bob_client.post(link_of()).status_code == 302
    assert alice_client.post(f"/teams/{t1.pk}/invitations/{invitation.pk}/resend/").status_code == 410


@pytest.mark.usefixtures("mail_server")
def test_it_ends_an_earlier_invitation_to_the_same_address(
    t1: Team, alice_client: Client, bob_client: Client, bob: User
) -> None:
    ask(alice_client, t1, bob.email, "admin")
    invitation_mail.send_waiting()
    first = link_of()

    ask(alice_client, t1, bob.email, "viewer")
    invitation_mail.send_waiting()

    assert bob_client.post(first).status_code == 410
    assert bob_client.post(link_of()).status_code == 302
    assert role_in(bob, t1.pk) == Role.VIEWER


@pytest.mark.usefixtures("mail_server")
def test_it_stops_at_the_limit_of_a_day(t1: Team, alice_client: Client) -> None:
    with env(smtp_host="mail.test", invitation_mails_per_day=3):
        assert ask(alice_client, t1, "a@example.test b@example.test") == 302
        assert ask(alice_client, t1, "c@example.test d@example.test") == 429
        assert Invitation.objects.count() == 2
        assert ask(alice_client, t1, "c@example.test") == 302
        one = Invitation.objects.first()
        assert one is not None
        assert alice_client.post(f"/teams/{t1.pk}/invitations/{one.pk}/resend/").status_code == 429


@pytest.mark.django_db(transaction=True)
def test_it_lets_no_two_admins_pass_the_limit_together() -> None:
    owners = [factories.MembershipFactory(team=factories.TeamFactory())]
    owners += [factories.MembershipFactory(team=owners[0].team) for _ in range(5)]
    team = owners[0].team

    def send(owner: Membership) -> bool:
        try:
            invitations.invite_by_mail(
                user=owner.user,
                access=access_team(owner.user, team.pk),
                role=Role.VIEWER,
                emails=[f"{owner.pk}@example.test"],
                language="en",
            )
        except TooManyInvitations:
            return False
        finally:
            connection.close()
        return True

    with env(invitation_mails_per_day=3), ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(send, owners)) == [False] * 3 + [True] * 3


@pytest.mark.usefixtures("mail_server")
def test_it_says_when_a_mail_was_not_sent(t1: Team, alice_client: Client) -> None:
    ask(alice_client, t1, "new@example.test")
    with override_settings(EMAIL_BACKEND="tests.users.test_invitations.BrokenBackend"):
        invitation_mail.send_waiting()

    assert Invitation.objects.get().mail == Invitation.Mail.FAILED
    assert "The mail was not sent" in alice_client.get(f"/teams/{t1.pk}/invitations/").content.decode()


class BrokenBackend:
    """A mail server that is away."""

    def __init__(self, **_: object) -> None:
        pass

    def send_messages(self, _messages: object) -> int:
        """Fail as a closed port does."""
        raise ConnectionRefusedError


def test_it_shows_bound_links_where_there_is_no_mail_server(
    t1: Team, bob: User, bob_client: Client, alice_client: Client
) -> None:
    form = {"emails": f"new@example.test {bob.email}", "role": "viewer"}
    page = alice_client.post(f"/teams/{t1.pk}/invitations/", form).content.decode()

    links = re.findall(r"/teams/join/[\w-]+/", page)
    assert len(links) == 2
    assert sorted(bob_client.post(link).status_code for link in links) == [302, 403]
    assert mail.outbox == []


@pytest.mark.usefixtures("mail_server")
@pytest.mark.parametrize(
    "emails", ["not an address", "a@example.test, b@", " ".join(f"p{n}@example.test" for n in range(101))]
)
def test_it_refuses_what_is_no_list_of_addresses(t1: Team, alice_client: Client, emails: str) -> None:
    assert ask(alice_client, t1, emails) == 400
    assert not Invitation.objects.exists()


@pytest.mark.usefixtures("mail_server")
def test_it_takes_a_mailed_link_as_proof_of_the_address_and_a_shown_one_not(
    t1: Team, bob: User, bob_client: Client, alice_client: Client, alice: User
) -> None:
    _row, token = invitations.invite(user=alice, access=access_team(alice, t1.pk), role=Role.VIEWER, email=bob.email)
    assert bob_client.post(f"/teams/join/{token}/").status_code == 302
    assert not EmailAddress.objects.filter(verified=True).exists()

    Membership.objects.filter(user=bob, team=t1).delete()
    ask(alice_client, t1, bob.email)
    invitation_mail.send_waiting()
    assert bob_client.post(link_of()).status_code == 302
    assert EmailAddress.objects.filter(user=bob, email=bob.email, verified=True).exists()


@pytest.mark.usefixtures("mail_server")
def test_it_sends_no_revoked_invitation(t1: Team, alice_client: Client) -> None:
    ask(alice_client, t1, "new@example.test")
    one = Invitation.objects.get()
    assert alice_client.post(f"/teams/{t1.pk}/invitations/{one.pk}/revoke/").status_code == 302

    invitation_mail.send_waiting()

    assert mail.outbox == []
