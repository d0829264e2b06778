"""The shared personas and rows are what their names say."""

import pytest
from django.test import Client

from apps.chat.models import Conversation
from apps.libraries.models import Chunk, Document, Library
from apps.users.access import access_team, role_in
from apps.users.models import Role, Team, User
from tests import factories


def test_it_makes_members_and_strangers(t1: Team, alice: User, ann: User, xen: User, bob: User, sue: User) -> None:
    roles = [role_in(user, t1.pk) for user in (alice, ann, xen, bob, sue)]

    assert roles == [Role.OWNER, Role.VIEWER, None, None, None]


def test_it_makes_rows_that_members_alone_read(
    chunk: Chunk, document: Document, library: Library, conversation: Conversation, ann: User, bob: User
) -> None:
    factories.ChunkEmbeddingFactory(chunk=chunk)
    factories.CitationFactory(chunk=chunk, message__conversation=conversation)

    assert list(Document.objects.readable_by(ann)) == [document]
    assert not Document.objects.readable_by(bob).exists()
    assert not Conversation.objects.readable_by(ann).exists()
    assert document.current_version is not None
    assert document.current_version.file.read() == b"CANARY-T1 content"


def test_it_signs_clients_in(alice_client: Client, alice: User, t1: Team) -> None:
    assert alice_client.session["_auth_user_id"] == str(alice.pk)
    assert access_team(alice, t1.pk).role == Role.OWNER


@pytest.mark.django_db
def test_it_keeps_the_cache_apart() -> None:
    from django.conf import settings  # noqa: PLC0415

    assert "?db=" in settings.REDIS_URL
    assert not settings.REDIS_URL.endswith("db=0")
