"""What PostgreSQL gives to the product's role, whatever the code above it asks for."""

from uuid import uuid4

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction

from apps.chat.models import Conversation
from apps.core import tenancy
from apps.libraries.models import Chunk, Library
from apps.users.models import Team
from tests import factories
from tests.tenancy.canaries import Canaries
from tests.tenancy.conftest import as_role

# Tables without a policy, and why: they hold no content of a team, or say who may see what.
OUTSIDE = {
    "people, and in which teams they are: read to find out whom a request works for": {
        "users_", "account_", "mfa_", "socialaccount_", "usersessions_", "auth_", "axes_", "django_session",
    },
    "figures by ids, summed over the installation": {
        "metering_", "ingestion_turn", "ingestion_pace", "libraries_librarystatistics", "console_",
    },
    "the installation's models and who may use them": {"catalog_", "ingestion_modelswitch"},
    "one chain over all teams; its pages ask for one team": {"audit_"},
    "Django's own": {"django_content_type", "django_admin_log", "django_migrations", "django_site"},
}  # fmt: skip


def _is_outside(table: str) -> bool:
    return any(table.startswith(name) for names in OUTSIDE.values() for name in names)


def _tables() -> set[str]:
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True) if model._meta.managed}


def _walled() -> dict[str, bool]:
    """Return each table with row-level security, and whether its owner is bound too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, c.relforcerowsecurity FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid"
            " WHERE c.relrowsecurity AND c.relnamespace = 'public'::regnamespace"
        )
        return dict(cursor.fetchall())


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 -- the catalogue's names
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_it_has_a_policy_on_every_table_that_is_not_outside_for_a_reason() -> None:
    walled = _walled()

    assert {table for table in _tables() if not _is_outside(table)} == set(walled)
    assert all(walled.values()), "a policy must bind the owner too"


@pytest.mark.django_db
def test_it_shows_a_raw_select_no_chunk_without_a_team(chunk: Chunk) -> None:
    """The bar of issue 5: a raw SELECT as the product's role without a team set brings 0 rows."""
    with as_role(), connection.cursor() as cursor:
        cursor.execute("RESET kb.teams")
        cursor.execute("SELECT count(*) FROM libraries_chunk")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT set_config('kb.teams', %s, false)", [str(chunk.team_id)])
        cursor.execute("SELECT count(*) FROM libraries_chunk")
        assert cursor.fetchone() == (1,)


@pytest.fixture
def both(t1: Team, t2: Team) -> dict[str, int]:
    """Fill every walled table for t1, one of each kind for t2; return how many rows of t1 there are."""
    Canaries(t1, factories.UserFactory(), "CANARY-T1")
    counts = {table: _count(table) for table in _walled()}
    Canaries(t2, factories.UserFactory(), "CANARY-T2")
    return counts


def test_it_shows_each_team_its_own_rows_in_every_table(both: dict[str, int], t1: Team, t2: Team) -> None:
    everything = {table: _count(table) for table in both}

    with as_role():
        with tenancy.acting_for():
            assert {table: _count(table) for table in both} == dict.fromkeys(both, 0)
        with tenancy.acting_for(t1.pk):
            assert {table: _count(table) for table in both} == both
        with tenancy.acting_for(uuid4()):
            assert {table: _count(table) for table in both} == dict.fromkeys(both, 0)
        with tenancy.acting_for(t1.pk, t2.pk):
            assert {table: _count(table) for table in both} == everything
        with tenancy.everything("a test"):
            assert {table: _count(table) for table in both} == everything


def test_it_fills_every_walled_table_in_these_tests(both: dict[str, int]) -> None:
    assert {table for table, count in both.items() if not count} == set()


def test_it_writes_into_no_other_team(t1: Team, t2: Team) -> None:
    """Security case 15: a row that names another team is refused by the database itself."""
    theirs = factories.LibraryFactory(team=t1)
    mine = factories.LibraryFactory(team=t2)

    with as_role(), tenancy.acting_for(t2.pk):
        for write in (
            lambda: Library.objects.create(team=t1, name="mine"),
            lambda: Library.objects.filter(pk=mine.pk).update(team=t1),
            lambda: factories.DocumentFactory(library=theirs),
        ):
            with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
                write()
        assert Library.objects.filter(pk=theirs.pk).update(name="taken") == 0
        assert Library.objects.filter(pk=theirs.pk).delete()[0] == 0
    assert Library.objects.get(pk=theirs.pk).team_id == t1.pk


def test_it_checks_foreign_keys_and_deletes_behind_the_wall(t1: Team) -> None:
    """PostgreSQL's own checks of references see through policies; what Django collects does not."""
    conversation = factories.ConversationFactory(team=t1)
    factories.AnswerFactory(conversation=conversation)

    with as_role(), tenancy.acting_for(t1.pk):
        Conversation.objects.filter(pk=conversation.pk).delete()

    assert not Conversation.objects.filter(pk=conversation.pk).exists()
