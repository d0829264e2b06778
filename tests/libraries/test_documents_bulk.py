"""Changes to documents, one or many: tags, folders, fields, validity, owner, deletion; the trash; who is reminded."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.ingestion.services import take_upload
from apps.libraries import documents as editing
from apps.libraries import metadata, trash, validity
from apps.libraries.errors import FieldsInvalid, NotRestorable, TagInvalid, ValueInvalid
from apps.libraries.metadata import Field, FieldInput
from apps.libraries.models import Document, DocumentVersion, Figure, Library
from apps.libraries.purge import purge
from apps.metering.models import Resource
from apps.metering.services import add_use
from apps.metering.usage import used_in_all
from apps.users.models import Team, User
from tests import factories

TODAY = timezone.localdate()


def page(name: str, *args: Any) -> str:
    return reverse(f"libraries:{name}", args=args)


@pytest.fixture
def three(library: Library) -> list[Document]:
    """Return three documents."""
    return [factories.DocumentFactory(library=library, name=f"{number}.txt") for number in range(3)]


def bulk(client: Client, library: Library, action: str, documents: list[Document], **form: Any) -> Any:
    form |= {"action": action, "id": [str(document.pk) for document in documents]}
    return client.post(page("bulk", library.pk), form)


def fresh(document: Document) -> Document:
    return Document.objects.get(pk=document.pk)


def test_it_tags_and_untags(ed_client: Client, library: Library, three: list[Document]) -> None:
    assert bulk(ed_client, library, "tag", three[:2], tags="合同， signed,signed").status_code == 200
    assert bulk(ed_client, library, "tag", three, tags="signed").status_code == 200
    assert [fresh(document).tags for document in three] == [["合同", "signed"], ["合同", "signed"], ["signed"]]

    bulk(ed_client, library, "untag", three[1:], tag="signed")
    assert [fresh(document).tags for document in three] == [["合同", "signed"], ["合同"], []]
    assert AuditEvent.objects.filter(action="documents.tagged").count() == 2


@pytest.mark.parametrize("tags", ["x" * 51, ",".join(map(str, range(31)))])
def test_it_refuses_tags_that_are_too_long_or_too_many(
    ed_client: Client, library: Library, three: list[Document], tags: str
) -> None:
    assert bulk(ed_client, library, "tag", three, tags=tags).status_code == 400
    assert not fresh(three[0]).tags


def test_it_moves_into_folders_that_never_become_paths(
    ed_client: Client, library: Library, three: list[Document]
) -> None:
    bulk(ed_client, library, "move", three, folder="../../etc//pass\x00wd/./2026 ")

    assert {fresh(document).folder for document in three} == {"etc/pass wd/2026"}


def test_it_switches_documents_off_and_on(ed_client: Client, library: Library, three: list[Document]) -> None:
    bulk(ed_client, library, "disable", three[:2])
    assert [fresh(document).is_enabled for document in three] == [False, False, True]
    assert "Switched off" in ed_client.get(page("library", library.pk)).content.decode()

    bulk(ed_client, library, "enable", three)
    assert all(fresh(document).is_enabled for document in three)


def test_it_acts_on_all_that_a_filter_shows(ed_client: Client, library: Library, three: list[Document]) -> None:
    other = factories.DocumentFactory(library=library, name="other.md")

    answer = ed_client.post(page("bulk", library.pk), {"action": "move", "folder": "f", "all": "1", "filter": "q=.txt"})

    assert "3 documents" in json.loads(answer["HX-Trigger"])["kb:toast"]["text"]
    assert {fresh(document).folder for document in three} == {"f"}
    assert fresh(other).folder == ""
    wrong = {"action": "delete", "all": "1", "filter": "owner__password=x"}
    assert ed_client.post(page("bulk", library.pk), wrong).status_code == 400


def test_it_touches_no_document_of_another_library(
    ed_client: Client, library: Library, three: list[Document], t2: Team
) -> None:
    foreign = factories.DocumentFactory(library=factories.LibraryFactory(team=t2), name="foreign.txt")

    assert bulk(ed_client, library, "delete", [foreign]).status_code == 400
    bulk(ed_client, library, "tag", [foreign, three[0]], tags="x")
    assert fresh(foreign).tags == []
    assert fresh(foreign).deleted_at is None


def test_it_knows_no_other_action(ed_client: Client, library: Library, three: list[Document]) -> None:
    assert bulk(ed_client, library, "purge", three).status_code == 404
    assert ed_client.get(page("bulk-form", library.pk), {"kind": "__class__"}).status_code == 404
    for kind in ("tag", "untag", "move", "fields", "validity"):
        assert ed_client.get(page("bulk-form", library.pk), {"kind": kind}).status_code == 200


@pytest.fixture
def fields(library: Library, alice: User) -> tuple[Field, ...]:
    """Return a choice, a number and a date."""
    rows = [("Kind", "choice", "a,b"), ("Amount", "number", ""), ("Signed", "date", "")]
    return metadata.save_fields(user=alice, library=library, inputs=[FieldInput("", *row) for row in rows])


def test_it_fills_in_only_ticked_fields(
    ed_client: Client, library: Library, three: list[Document], fields: tuple[Field, ...]
) -> None:
    kind, amount, _signed = (field.key for field in fields)
    form = {f"f.{kind}": "b", f"set.{kind}": "on", f"f.{amount}": "1 200.50"}
    bulk(ed_client, library, "fields", three, **form)
    assert fresh(three[0]).metadata == {kind: "b"}

    bulk(ed_client, library, "fields", three, **{f"f.{amount}": "1 200.50", f"set.{amount}": "on"})
    bulk(ed_client, library, "fields", three[:1], **{f"f.{kind}": "", f"set.{kind}": "on"})
    assert fresh(three[0]).metadata == {amount: 1200.5}
    assert fresh(three[1]).metadata == {kind: "b", amount: 1200.5}


@pytest.mark.parametrize(
    ("place", "raw"), [(0, "c"), (1, "many"), (1, "inf"), (1, "1e99"), (2, "31.12.2026"), (2, "2026-02-30")]
)
def test_it_refuses_values_that_do_not_fit(fields: tuple[Field, ...], place: int, raw: str) -> None:
    with pytest.raises(ValueInvalid):
        metadata.parse(fields[place], raw)


def test_it_forgets_the_values_of_a_removed_field(
    ada_client: Client, library: Library, three: list[Document], fields: tuple[Field, ...]
) -> None:
    kind, amount, signed = fields
    Document.objects.filter(pk=three[0].pk).update(metadata={kind.key: "a", amount.key: 3})
    kept = {"key": [amount.key, signed.key, ""], "label": ["Sum", "Signed", "Owner's note"]}
    form = kept | {"type": ["text", "date", "text"], "choices": ["", "", ""]}
    assert ada_client.post(page("fields", library.pk), form).status_code == 302

    library.refresh_from_db()
    assert [(field.label, field.type) for field in metadata.fields_of(library)] == [
        ("Sum", "number"),
        ("Signed", "date"),
        ("Owner's note", "text"),
    ]
    assert fresh(three[0]).metadata == {amount.key: 3}


def test_it_refuses_fields_without_choices_or_with_one_name_twice(library: Library, alice: User) -> None:
    for rows in ([("Kind", "choice", "")], [("A", "text", ""), ("a", "text", "")], [("A", "code", "")]):
        with pytest.raises(FieldsInvalid):
            metadata.save_fields(user=alice, library=library, inputs=[FieldInput("", *row) for row in rows])


def test_it_shows_and_saves_the_properties_of_one_document(
    ed_client: Client, ann_client: Client, document: Document, ed: User, fields: tuple[Field, ...]
) -> None:
    address = page("properties", document.pk)
    form = {"tags": "a, b", "folder": "x/y", f"f.{fields[1].key}": "3", "owner": str(ed.pk), "valid_from": "2026-01-01"}
    assert ed_client.post(address, form | {"valid_until": "2027-01-01"}).status_code == 200

    document = fresh(document)
    assert (document.tags, document.folder, document.owner) == (["a", "b"], "x/y", ed)
    assert (document.valid_from, document.valid_until) == (date(2026, 1, 1), date(2027, 1, 1))
    assert document.metadata == {fields[1].key: 3}
    assert ed_client.post(address, form | {"valid_until": "2025-01-01"}).status_code == 400
    assert "<form" not in ann_client.get(address).content.decode()
    assert ann_client.post(address, form).status_code == 403


def test_it_takes_only_members_as_owners(ed_client: Client, library: Library, three: list[Document], bob: User) -> None:
    form = {"set.owner": "on", "owner": str(bob.pk)}

    assert bulk(ed_client, library, "validity", three, **form).status_code == 400
    assert bulk(ed_client, library, "validity", three, **{"set.owner": "on", "owner": "nobody"}).status_code == 400


def test_it_undoes_a_bulk_deletion_by_one_press(ed_client: Client, library: Library, three: list[Document]) -> None:
    answer = bulk(ed_client, library, "delete", three[:2])
    note = json.loads(answer["HX-Trigger"])["kb:toast"]
    assert Document.objects.filter(library=library, deleted_at=None).count() == 1

    assert ed_client.post(note["undo"]).status_code == 200
    assert Document.objects.filter(library=library, deleted_at=None).count() == 3
    assert ed_client.post(page("trash-restore", library.pk) + "?at=nonsense").status_code == 404


def test_it_deletes_and_restores_parts_with_their_file(library: Library, alice: User) -> None:
    whole = factories.DocumentFactory(library=library, name="mail.eml")
    part = factories.DocumentFactory(library=library, name="inside.zip", parent=whole, origin="part")
    deep = factories.DocumentFactory(library=library, name="deep.txt", parent=part, origin="part")
    early = factories.DocumentFactory(library=library, name="early.txt", parent=whole, origin="part")
    trash.delete_document(user=alice, document=early)

    trash.delete_document(user=alice, document=whole)
    assert not Document.objects.filter(library=library, deleted_at=None).exists()
    assert [document.name for document in trash.in_trash(alice, library)] == ["mail.eml"]
    with pytest.raises(NotRestorable):
        trash.restore_document(user=alice, document=fresh(part))

    trash.restore_document(user=alice, document=fresh(whole))
    assert [fresh(each).deleted_at is None for each in (whole, part, deep, early)] == [True, True, True, False]


def test_it_brings_parts_back_when_their_file_is_uploaded_again(library: Library, alice: User) -> None:
    whole = factories.DocumentFactory(library=library, name="mail.eml", content=b"the mail")
    part = factories.DocumentFactory(library=library, name="inside.txt", parent=whole, origin="part")
    trash.delete_document(user=alice, document=whole)

    take_upload(user=alice, library=library, file=ContentFile(b"the mail"), name="mail.eml")

    assert [fresh(each).deleted_at for each in (whole, part)] == [None, None]


def test_it_purges_all_versions_parts_and_pictures(
    library: Library, alice: User, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    whole = factories.DocumentFactory(library=library, content=b"1" * 10)
    part = factories.DocumentFactory(library=library, content=b"2" * 20, parent=whole, origin="part")
    version = DocumentVersion(document=whole, number=2, sha256="x", size_bytes=30)
    version.file.save("ignored", ContentFile(b"3" * 30), save=True)
    figure = Figure(version=version, ordinal=0, media_type="image/png", width=1, height=1)
    figure.file.name = default_storage.save("figures/aa/one.png", ContentFile(b"png"))
    figure.save()
    add_use(user=None, team=library.team, amounts={Resource.STORAGE_BYTES: 60, Resource.DOCUMENTS: 2})
    keys = [each.file.name for each in DocumentVersion.objects.all()] + [figure.file.name]
    trash.delete_document(user=alice, document=whole)
    Document.objects.update(deleted_at=timezone.now() - timedelta(days=settings.ENV.undo_days + 1))

    with django_capture_on_commit_callbacks(execute=True):
        purge()

    assert not Document.objects.filter(pk__in=[whole.pk, part.pk]).exists()
    assert used_in_all(library.team_id) == {Resource.STORAGE_BYTES: 0, Resource.DOCUMENTS: 0}
    assert not any(default_storage.exists(key) for key in keys)


def test_it_removes_for_good_only_by_the_typed_name(
    ada_client: Client, ed_client: Client, library: Library, three: list[Document], ada: User
) -> None:
    for document in three:
        trash.delete_document(user=ada, document=document)
    address = page("trash-remove", library.pk)
    one = {"document": str(three[0].pk)}
    assert ed_client.post(address, one | {"typed_name": "0.txt"}).status_code == 403
    assert ada_client.post(address, one | {"typed_name": "1.txt"}).status_code == 400
    assert ada_client.post(address, {"document": "nonsense", "typed_name": "0.txt"}).status_code == 404
    assert "0.txt" in ada_client.get(page("trash", library.pk)).content.decode()

    assert ada_client.post(address, one | {"typed_name": "0.txt"}).status_code == 302
    assert Document.objects.filter(library=library).count() == 2
    assert ada_client.post(address, {"typed_name": library.name}).status_code == 302
    assert not Document.objects.filter(library=library).exists()


def test_it_never_removes_a_live_document_for_good(ada_client: Client, library: Library, three: list[Document]) -> None:
    form = {"document": str(three[0].pk), "typed_name": "0.txt"}

    assert ada_client.post(page("trash-remove", library.pk), form).status_code == 404
    assert ada_client.post(page("trash-remove", library.pk), {"typed_name": library.name}).status_code == 302
    assert Document.objects.filter(library=library).count() == 3


@pytest.fixture
def expiring(library: Library, ed: User) -> Document:
    """Return a document of ed's that expires in five days."""
    until = TODAY + timedelta(days=5)
    return factories.DocumentFactory(library=library, name="price list.pdf", owner=ed, valid_until=until)


@pytest.mark.usefixtures("expiring")
def test_it_reminds_an_owner_once(ed: User, settings: Any) -> None:
    settings.ENV = settings.ENV.model_copy(update={"smtp_host": "mail.test"})

    assert validity.remind() == 1
    assert validity.remind() == 0
    assert [message.to for message in mail.outbox] == [[ed.email]]
    assert "price list.pdf" in mail.outbox[0].body
    assert "/libraries/reviews/" in mail.outbox[0].body


def test_it_sends_no_mail_without_a_mail_server(expiring: Document, ed_client: Client) -> None:
    assert validity.remind() == 1
    assert mail.outbox == []
    assert expiring.name in ed_client.get(page("reviews")).content.decode()


def test_it_reminds_nobody_who_left_the_team(expiring: Document, xen: User, settings: Any) -> None:
    settings.ENV = settings.ENV.model_copy(update={"smtp_host": "mail.test"})
    Document.objects.filter(pk=expiring.pk).update(owner=xen)

    validity.remind()
    assert mail.outbox == []
    assert validity.review_count(xen) == 0


def test_it_lets_an_owner_prolong_what_was_reviewed(ed_client: Client, ed: User, expiring: Document) -> None:
    assert validity.review_count(ed) == 1
    assert ed_client.post(page("reviewed", expiring.pk)).status_code == 200

    assert validity.review_count(ed) == 0
    assert fresh(expiring).valid_until == TODAY + timedelta(days=370)


def test_it_counts_what_a_library_takes_up(ada_client: Client, read_document: Document) -> None:
    body = ada_client.get(page("storage", read_document.library_id)).content.decode()

    assert "17 B" in body  # b"CANARY-T1 content"
    assert read_document.name in body


def test_it_limits_tags_of_one_document_over_several_rounds(library: Library, alice: User) -> None:
    full = factories.DocumentFactory(library=library, tags=[str(number) for number in range(30)])
    only = Document.objects.filter(pk=full.pk)

    editing.add_tags(user=alice, library=library, documents=only, tags=["3"])
    with pytest.raises(TagInvalid):
        editing.add_tags(user=alice, library=library, documents=only, tags=["new"])
