"""Who may read, write and manage what: grants at libraries, folders and documents (security cases 1, 8, 20)."""

from collections.abc import Callable

import pytest

from apps.core.errors import Forbidden, NotFound
from apps.libraries import folders, sharing
from apps.libraries.access import (
    access_chunk,
    access_document,
    access_folder,
    access_library,
    access_whole_library,
)
from apps.libraries.counting import counted
from apps.libraries.documents import move
from apps.libraries.errors import FolderHasRights, GranteeUnknown, PartsHidden, WiderPlace
from apps.libraries.models import Chunk, Document, Grant, Level, Library, Place
from apps.libraries.rights import rights_in
from apps.libraries.sharing import Spot
from apps.users.access import KeyLimits, acting_key
from apps.users.models import Group, GroupMember, Membership, Role, Team, User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def make(library: Library, alice: User) -> Callable[..., Document]:
    """Return a maker of documents in folders, each with one chunk."""

    def made(name: str, folder: str = "", parent: Document | None = None) -> Document:
        document = factories.DocumentFactory(
            library=library, name=name, folder=folder, content=name.encode(), uploaded_by=alice, parent=parent
        )
        factories.ChunkFactory(document=document, text=f"CANARY-T1 {name}")
        document.refresh_from_db()
        return document

    return made


@pytest.fixture
def group(t1: Team, ann: User) -> Group:
    """Return a group of t1 in which ann is."""
    found = Group.objects.create(team=t1, name="Legal")
    GroupMember.objects.create(group=found, membership=Membership.objects.get(user=ann, team=t1))
    return found


@pytest.fixture
def people(  # noqa: PLR0913, PLR0917  (everybody of tests.conftest)
    alice: User, ada: User, ed: User, ann: User, bob: User, xen: User, sue: User
) -> dict[str, User]:
    """Return the personas by name."""
    return {"alice": alice, "ada": ada, "ed": ed, "ann": ann, "bob": bob, "xen": xen, "sue": sue}


def names(user: User, level: Level = Level.READ) -> set[str]:
    """Return the documents that a person has the level for, told twice: by SQL and by the resolver."""
    by_sql = set(Document.objects.allowing(user, level).values_list("name", flat=True))
    rights = rights_in(user, Library.objects.values_list("pk", flat=True))
    by_words = {
        row.name
        for row in Document.objects.filter(library__deleted_at=None)
        if (held := rights.level(row.library_id, row.place_id)) is not None and held.role.covers(level.role)
    }
    assert by_sql == by_words
    assert set(Library.objects.readable_by(user).values_list("pk", flat=True)) == set(rights.library_ids)
    return by_sql


def restricted(user: User, spot: Spot) -> None:
    sharing.restrict(user=user, spot=spot, is_restricted=True)


def test_it_lets_every_member_use_an_open_library_by_their_role(
    make: Callable[..., Document], people: dict[str, User]
) -> None:
    make("a.txt")
    ann, ed, ada = people["ann"], people["ed"], people["ada"]

    assert names(ann) == {"a.txt"}
    assert names(ann, Level.WRITE) == set()
    assert names(ed, Level.WRITE) == {"a.txt"}
    assert names(ed, Level.MANAGE) == set()
    assert names(ada, Level.MANAGE) == {"a.txt"}
    assert names(people["bob"]) == names(people["xen"]) == names(people["sue"]) == set()


def test_it_hides_a_restricted_library_from_members_without_a_grant(
    make: Callable[..., Document], library: Library, people: dict[str, User], group: Group
) -> None:
    document = make("a.txt")
    alice, ann, ed, ada = people["alice"], people["ann"], people["ed"], people["ada"]
    restricted(alice, Spot(library))

    assert names(ed) == set()
    assert names(ada, Level.MANAGE) == {"a.txt"}  # who manages the team manages it
    for gate, pk in ((access_library, library.pk), (access_document, document.pk)):
        with pytest.raises(NotFound):
            gate(ed, pk)
    with pytest.raises(NotFound):
        access_chunk(ed, Chunk.objects.get(document=document).pk)

    sharing.grant(user=alice, spot=Spot(library), to=group, level=Level.WRITE)
    assert names(ann, Level.WRITE) == {"a.txt"}
    assert names(ed) == set()

    GroupMember.objects.all().delete()  # out of the group: gone with the next statement (security case 20)
    assert names(ann) == set()


def test_it_inherits_the_rights_of_folders_and_lets_documents_differ(
    make: Callable[..., Document], library: Library, alice: User, ann: User, ed: User
) -> None:
    make("top.txt")
    make("pay.txt", "HR/Pay")
    own = make("own.txt", "HR/Pay")
    make("public.txt", "HRX")  # no folder below HR
    restricted(alice, Spot(library, "HR"))

    assert names(ann) == {"top.txt", "public.txt"}
    sharing.grant(user=alice, spot=Spot(library, "HR/Pay"), to=ann, level=Level.READ)  # adds to what holds above
    assert names(ann) == {"top.txt", "public.txt", "pay.txt", "own.txt"}
    restricted(alice, Spot(library, document=own))  # cut off from the grant above it
    assert names(ann) == {"top.txt", "public.txt", "pay.txt"}
    sharing.grant(user=alice, spot=Spot(library, document=own), to=ed, level=Level.WRITE)
    assert names(ed) == {"top.txt", "public.txt", "own.txt"}
    assert names(ed, Level.WRITE) == {"top.txt", "public.txt", "own.txt"}
    sharing.restrict(user=alice, spot=Spot(library, "HR"), is_restricted=False)
    assert names(ed) == {"top.txt", "public.txt", "own.txt", "pay.txt"}


def test_it_shows_one_document_of_a_library_that_is_closed_otherwise(
    make: Callable[..., Document], library: Library, alice: User, ann: User
) -> None:
    shown, _hidden = make("shown.txt", "x"), make("hidden.txt", "x")
    restricted(alice, Spot(library))
    sharing.grant(user=alice, spot=Spot(library, document=shown), to=ann, level=Level.READ)

    assert names(ann) == {"shown.txt"}
    assert access_library(ann, library.pk) == library
    assert set(Library.objects.allowing(ann, Level.READ)) == set()
    with pytest.raises(Forbidden):
        access_library(ann, library.pk, at_least=Role.EDITOR)
    (shown,) = counted([library], rights_in(ann, [library.pk]))
    assert shown.document_count == 1


def test_it_opens_a_folder_for_writing_to_a_viewer(
    make: Callable[..., Document], library: Library, alice: User, ann: User
) -> None:
    make("a.txt", "Drafts")
    sharing.grant(user=alice, spot=Spot(library, "Drafts"), to=ann, level=Level.WRITE)

    assert access_folder(ann, library.pk, "Drafts/new") == library
    with pytest.raises(Forbidden):
        access_folder(ann, library.pk, "Others")
    assert access_document(ann, Document.objects.get(name="a.txt").pk, at_least=Role.EDITOR).name == "a.txt"


def test_it_keeps_pages_about_everything_from_who_may_not_read_everything(
    make: Callable[..., Document], library: Library, alice: User, ed: User
) -> None:
    make("a.txt", "HR")
    assert access_whole_library(ed, library.pk) == library
    restricted(alice, Spot(library, "HR"))
    with pytest.raises(PartsHidden):
        access_whole_library(ed, library.pk)
    assert access_whole_library(alice, library.pk) == library


def test_it_gives_new_moved_and_renamed_documents_the_rights_of_where_they_are(
    make: Callable[..., Document], library: Library, alice: User, ann: User
) -> None:
    make("old.txt", "HR")
    other = make("other.txt")
    restricted(alice, Spot(library, "HR"))
    make("new.txt", "HR/2026")
    assert names(ann) == {"other.txt"}

    move(user=alice, library=library, documents=Document.objects.filter(pk=other.pk), folder="HR")
    assert names(ann) == set()
    move(user=alice, library=library, documents=Document.objects.filter(pk=other.pk), folder="")
    assert names(ann) == {"other.txt"}

    folders.rename_folder(user=alice, library=library, folder="HR", to="Staff/HR")
    assert names(ann) == {"other.txt"}  # the rights go with the folder
    assert list(Place.objects.values_list("folder", flat=True)) == ["Staff/HR"]
    make("third.txt", "HR")
    assert names(ann) == {"other.txt", "third.txt"}
    restricted(alice, Spot(library, "HR"))
    with pytest.raises(FolderHasRights):
        folders.rename_folder(user=alice, library=library, folder="HR", to="Staff/HR")


def test_it_lets_only_managers_take_documents_out_of_a_restricted_place(
    make: Callable[..., Document], library: Library, alice: User, ann: User, ed: User
) -> None:
    secret = Document.objects.filter(pk=make("secret.txt", "HR").pk)
    restricted(alice, Spot(library, "HR"))
    sharing.grant(user=alice, spot=Spot(library, "HR"), to=ed, level=Level.WRITE)

    with pytest.raises(WiderPlace):
        move(user=ed, library=library, documents=secret, folder="Open")
    with pytest.raises(WiderPlace):
        folders.rename_folder(user=ed, library=library, folder="HR", to="Open")
    move(user=ed, library=library, documents=secret, folder="HR/Old")
    sharing.grant(user=alice, spot=Spot(library, "HR"), to=ed, level=Level.MANAGE)
    move(user=ed, library=library, documents=secret, folder="Open")
    assert names(ann) == {"secret.txt"}


def test_it_lets_nobody_move_documents_to_where_they_may_not_write(
    make: Callable[..., Document], library: Library, alice: User, ed: User
) -> None:
    open_one = Document.objects.filter(pk=make("open.txt").pk)
    make("secret.txt", "HR")
    restricted(alice, Spot(library, "HR"))
    with pytest.raises(Forbidden):
        move(user=ed, library=library, documents=open_one, folder="HR")


def test_it_lets_parts_go_with_their_file(
    make: Callable[..., Document], library: Library, alice: User, ann: User
) -> None:
    archive = make("all.zip", "In")
    inner = make("inner.zip", "In/all", parent=archive)
    make("leaf.txt", "In/all/inner", parent=inner)
    restricted(alice, Spot(library, document=archive))
    assert names(ann) == set()
    make("late.txt", "In/all/inner", parent=inner)
    assert names(ann) == set()
    assert names(alice) == {"all.zip", "inner.zip", "leaf.txt", "late.txt"}
    sharing.restrict(user=alice, spot=Spot(library, document=archive), is_restricted=False)
    assert names(ann) == {"all.zip", "inner.zip", "leaf.txt", "late.txt"}
    assert not Place.objects.exists()


def test_it_hides_a_part_that_somebody_put_where_fewer_may_read(
    make: Callable[..., Document], library: Library, alice: User, ann: User
) -> None:
    archive = make("all.zip")
    sharing.grant(user=alice, spot=Spot(library, document=archive), to=ann, level=Level.READ)
    part = make("part.txt", "all", parent=archive)
    make("pay.txt", "HR")
    restricted(alice, Spot(library, "HR"))
    assert names(ann) == {"all.zip", "part.txt"}
    move(user=alice, library=library, documents=Document.objects.filter(pk=part.pk), folder="HR")
    assert names(ann) == {"all.zip"}


def test_it_keeps_a_place_right_against_stale_writes(
    make: Callable[..., Document], library: Library, alice: User
) -> None:
    stale = make("a.txt", "HR")
    restricted(alice, Spot(library, "HR"))
    stale.save()  # with the place of before
    stale.refresh_from_db()
    assert stale.place is not None
    assert stale.place.folder == "HR"


def test_it_refuses_grants_to_people_and_groups_of_other_teams(
    library: Library, alice: User, bob: User, xen: User, t2: Team
) -> None:
    for stranger in (bob, xen, Group.objects.create(team=t2, name="Theirs")):
        with pytest.raises(GranteeUnknown):
            sharing.grant(user=alice, spot=Spot(library), to=stranger, level=Level.READ)
    assert not Grant.objects.exists()


def test_it_gives_an_ex_member_nothing_by_a_grant_that_is_left_over(
    make: Callable[..., Document], library: Library, alice: User, ann: User
) -> None:
    make("a.txt")
    sharing.grant(user=alice, spot=Spot(library), to=ann, level=Level.MANAGE)
    assert names(ann, Level.MANAGE) == {"a.txt"}
    Membership.objects.filter(user=ann).delete()
    assert names(ann) == set()


def test_it_never_goes_beyond_what_an_api_key_names(
    make: Callable[..., Document], library: Library, alice: User, t1: Team, t2: Team
) -> None:
    make("a.txt")
    other = factories.LibraryFactory(team=t1, name="Other", created_by=alice)
    factories.DocumentFactory(library=other, name="b.txt", content=b"b", uploaded_by=alice)
    for team, libraries, expected in (
        (t1, None, {"a.txt", "b.txt"}),
        (t1, frozenset({other.pk}), {"b.txt"}),
        (t2, None, set()),
    ):
        token = acting_key.set(KeyLimits(alice.pk, team.pk, frozenset(), libraries))
        try:
            assert names(alice) == expected
        finally:
            acting_key.reset(token)


def test_it_lets_who_restricts_go_on_managing(
    make: Callable[..., Document], library: Library, alice: User, ann: User
) -> None:
    make("a.txt", "Mine")
    sharing.grant(user=alice, spot=Spot(library, "Mine"), to=ann, level=Level.MANAGE)
    sharing.grant(user=alice, spot=Spot(library), to=ann, level=Level.READ)
    restricted(ann, Spot(library, "Mine"))
    assert names(ann, Level.MANAGE) == {"a.txt"}
