"""Services, personas and rows that all tests share.

Team t1: alice (owner), ada (admin), ed (editor), ann (viewer), xen (was a member), sue (a suspended member).
Team t2: bob (owner), the stranger. root administers the installation and is in no team.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client, override_settings

from apps.catalog.models import AIModel
from apps.chat.models import Conversation
from apps.libraries.models import Chunk, Document, Library
from apps.users.models import Role, Team, User
from kb_project.embedded import ensure_services
from tests import factories
from tests.users.signing import signed_in


def pytest_configure(config: pytest.Config) -> None:
    """Start the embedded services before pytest-django connects; each xdist worker holds them for itself."""
    ensure_services()


@pytest.fixture(scope="session", autouse=True)
def _var_in_temp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep what tests write out of var/."""
    var = tmp_path_factory.mktemp("var")
    (var / "tmp").mkdir()
    with override_settings(VAR_DIR=var, MEDIA_ROOT=var / "media", FILE_UPLOAD_TEMP_DIR=var / "tmp"):
        yield var


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Forget rate limits between tests."""
    yield
    cache.clear()


@pytest.fixture
def t1(db: None) -> Team:
    """Return the team that the tests protect."""
    return factories.TeamFactory(name="CANARY-T1 team")


@pytest.fixture
def t2(db: None) -> Team:
    """Return the other team."""
    return factories.TeamFactory(name="Team two")


def _person(name: str, team: Team | None = None, role: Role = Role.VIEWER) -> User:
    user = factories.UserFactory(email=f"{name}@example.test", name=name.title())
    if team is not None:
        factories.MembershipFactory(team=team, user=user, role=role)
    return user


@pytest.fixture
def alice(t1: Team) -> User:
    """Return the owner of t1."""
    return _person("alice", t1, Role.OWNER)


@pytest.fixture
def ada(t1: Team) -> User:
    """Return an admin of t1."""
    return _person("ada", t1, Role.ADMIN)


@pytest.fixture
def ed(t1: Team) -> User:
    """Return an editor of t1."""
    return _person("ed", t1, Role.EDITOR)


@pytest.fixture
def ann(t1: Team) -> User:
    """Return a viewer of t1."""
    return _person("ann", t1, Role.VIEWER)


@pytest.fixture
def xen(t1: Team) -> User:
    """Return somebody who was an editor of t1."""
    user = _person("xen", t1, Role.EDITOR)
    user.memberships.all().delete()
    return user


@pytest.fixture
def sue(t1: Team) -> User:
    """Return an editor of t1 whose account is suspended."""
    user = _person("sue", t1, Role.EDITOR)
    User.objects.filter(pk=user.pk).update(is_active=False)
    user.refresh_from_db()
    return user


@pytest.fixture
def bob(t2: Team) -> User:
    """Return the owner of t2, a stranger to t1."""
    return _person("bob", t2, Role.OWNER)


@pytest.fixture
def root(db: None) -> User:
    """Return an administrator of the installation without a team."""
    return factories.UserFactory(email="root@example.test", name="Root", is_staff=True, is_superuser=True)


@pytest.fixture
def alice_client(alice: User) -> Client:
    """Return the owner's browser."""
    return signed_in(alice)


@pytest.fixture
def ada_client(ada: User) -> Client:
    """Return the admin's browser."""
    return signed_in(ada)


@pytest.fixture
def ed_client(ed: User) -> Client:
    """Return the editor's browser."""
    return signed_in(ed)


@pytest.fixture
def ann_client(ann: User) -> Client:
    """Return the viewer's browser."""
    return signed_in(ann)


@pytest.fixture
def xen_client(xen: User) -> Client:
    """Return the ex-member's browser."""
    return signed_in(xen)


@pytest.fixture
def bob_client(bob: User) -> Client:
    """Return the stranger's browser."""
    return signed_in(bob)


@pytest.fixture
def root_client(root: User) -> Client:
    """Return the browser of the installation's administrator."""
    return signed_in(root)


@pytest.fixture
def anonymous_client(db: None) -> Client:
    """Return a browser without a session."""
    return Client()


@pytest.fixture
def embedding_model(db: None) -> AIModel:
    """Return the default embedding model, a fake."""
    return factories.AIModelFactory()


@pytest.fixture
def chat_model(db: None) -> AIModel:
    """Return the default chat model, a fake."""
    return factories.ChatModelFactory()


@pytest.fixture
def library(t1: Team, alice: User) -> Library:
    """Return a library of t1."""
    return factories.LibraryFactory(team=t1, name="CANARY-T1 library", created_by=alice)


@pytest.fixture
def document(library: Library, alice: User) -> Document:
    """Return a document of t1 with a stored file."""
    return factories.DocumentFactory(
        library=library, name="CANARY-T1 document.txt", content=b"CANARY-T1 content", uploaded_by=alice
    )


@pytest.fixture
def chunk(document: Document) -> Chunk:
    """Return a chunk of the document."""
    return factories.ChunkFactory(document=document, text="CANARY-T1 content")


@pytest.fixture
def conversation(t1: Team, alice: User) -> Conversation:
    """Return a conversation of alice in t1."""
    return factories.ConversationFactory(team=t1, owner=alice, title="CANARY-T1 conversation")
