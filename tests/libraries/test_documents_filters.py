"""The list of documents: filters and their counts, folders, sorting, saved views, and what they cost."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.libraries import filters, metadata
from apps.libraries.errors import FilterInvalid, UnknownFilter
from apps.libraries.facets import facets_of
from apps.libraries.filters import Filter
from apps.libraries.folders import rename_folder, tree
from apps.libraries.listing import listing
from apps.libraries.metadata import Field, FieldInput
from apps.libraries.models import Document, Library, SavedView
from apps.libraries.models.documents import DocumentQuerySet
from apps.libraries.rights import rights_in
from apps.users.models import User
from tests import factories

TODAY = timezone.localdate()


def page(name: str, *args: Any) -> str:
    return reverse(f"libraries:{name}", args=args)


def alive(library: Library) -> DocumentQuerySet:
    return Document.objects.filter(library=library, deleted_at=None)


def names(library: Library, query: str) -> set[str]:
    fields = metadata.fields_of(library)
    wanted = filters.parse(QueryDict(query), fields)
    return set(filters.apply(alive(library), wanted, fields).values_list("name", flat=True))


def make(library: Library, name: str, **values: Any) -> Document:
    return factories.DocumentFactory(library=library, name=name, **values)


@pytest.fixture
def fields(library: Library, alice: User) -> tuple[Field, ...]:
    """Return the library's fields: a choice, a text, a number and a date."""
    rows = [("Kind", "choice", "lease, 采购"), ("Number", "text", ""), ("Amount", "number", ""), ("Signed", "date", "")]
    inputs = [FieldInput("", *row) for row in rows]
    return metadata.save_fields(user=alice, library=library, inputs=inputs)


@pytest.fixture
def shelf(library: Library, alice: User, fields: tuple[Field, ...]) -> Library:
    """Return the library with five documents that differ in everything."""
    kind, number, amount, signed = (field.key for field in fields)
    make(
        library,
        "lease.pdf",
        media_type="application/pdf",
        folder="contracts/2026",
        tags=["signed", "合同"],
        owner=alice,
    )
    make(library, "采购合同.docx", media_type="application/x-wordprocessingml", folder="contracts", tags=["合同"])
    make(library, "old.txt", valid_until=TODAY - timedelta(days=1), is_enabled=False)
    make(
        library,
        "soon.txt",
        valid_until=TODAY + timedelta(days=3),
        metadata={kind: "lease", number: "C-17", amount: 950},
    )
    make(library, "late.txt", valid_from=TODAY + timedelta(days=3), status="failed", metadata={signed: "2026-03-01"})
    make(library, "gone.txt", deleted_at=timezone.now(), tags=["signed"])
    return library


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=合同", {"采购合同.docx"}),
        ("q=LEASE", {"lease.pdf"}),
        ("folder=contracts", {"lease.pdf", "采购合同.docx"}),
        ("folder=contracts/2026", {"lease.pdf"}),
        ("folder=contr", set()),
        ("tag=合同", {"lease.pdf", "采购合同.docx"}),
        ("tag=合同&tag=signed", {"lease.pdf"}),
        ("status=failed", {"late.txt"}),
        ("status=disabled", {"old.txt"}),
        ("status=ready", {"lease.pdf", "采购合同.docx", "soon.txt"}),
        ("type=pdf", {"lease.pdf"}),
        ("type=document", {"采购合同.docx"}),
        ("type=text", {"old.txt", "soon.txt", "late.txt"}),
        ("validity=expired", {"old.txt"}),
        ("validity=expiring", {"soon.txt"}),
        ("validity=upcoming", {"late.txt"}),
        ("validity=valid", {"lease.pdf", "采购合同.docx", "soon.txt"}),
        ("owner=none", {"采购合同.docx", "old.txt", "soon.txt", "late.txt"}),
        ("added=today&origin=upload&status=failed", {"late.txt"}),
    ],
)
def test_it_lists_what_a_filter_asks_for(shelf: Library, query: str, found: set[str]) -> None:
    assert names(shelf, query) == found


def test_it_filters_by_typed_fields(shelf: Library, fields: tuple[Field, ...], alice: User) -> None:
    kind, number, amount, signed = (f"f.{field.key}" for field in fields)

    assert names(shelf, f"{kind}=lease") == {"soon.txt"}
    assert names(shelf, f"{number}=c-1") == {"soon.txt"}
    assert names(shelf, f"{amount}=900..1000") == {"soon.txt"}
    assert names(shelf, f"{amount}.from=1000") == set()
    assert names(shelf, f"{signed}=2026-01-01..") == {"late.txt"}
    assert names(shelf, f"{signed}.to=2025-12-31") == set()
    assert names(shelf, f"owner={alice.pk}") == {"lease.pdf"}


@pytest.mark.parametrize(
    "query",
    [
        "owner__password__startswith=a",
        "ordering=owner__password",
        "fields=sha256",
        "uploaded_by__email=alice@example.test",
        "tags__contains=signed",
        "f.unknown=1",
        "f.metadata__owner=1",
        "library=1",
    ],
)
def test_it_refuses_filters_that_it_does_not_declare(alice_client: Client, shelf: Library, query: str) -> None:
    """Security case 17: user-supplied ORM keys leaked password hashes in Label Studio (CVE-2023-47117)."""
    for name in ("library", "rows"):
        answer = alice_client.get(f"{page(name, shelf.pk)}?{query}")
        assert answer.status_code == 400
    with pytest.raises(UnknownFilter):
        names(shelf, query)


@pytest.mark.parametrize(
    "query",
    [
        "sort=owner__password",
        "sort=-created_at",
        "status=nonsense",
        "owner=alice",
        "size=1000000",
        "type=exe",
        "added=ever",
        "validity=never",
        "q=" + "x" * 201,
        "tag=" + "&tag=".join(map(str, range(11))),
        "q=%00",
    ],
)
def test_it_refuses_values_that_a_filter_does_not_take(alice_client: Client, shelf: Library, query: str) -> None:
    """Security case 17, the values: none of them becomes a column, an order or a limit."""
    assert alice_client.get(f"{page('library', shelf.pk)}?{query}").status_code == 400
    with pytest.raises(FilterInvalid):
        names(shelf, query)


def test_it_refuses_a_range_that_is_none(shelf: Library, fields: tuple[Field, ...]) -> None:
    amount, signed = (f"f.{field.key}" for field in fields[2:])
    for query in (f"{amount}=a..b", f"{signed}=yesterday"):
        with pytest.raises(FilterInvalid):
            names(shelf, query)


def test_it_writes_a_filter_in_one_form(fields: tuple[Field, ...]) -> None:
    wanted = filters.parse(
        QueryDict(f"size=50&tag=b&q=+x+&f.{fields[2].key}.from=3&page=7&sort=-added&folder=/a/"), fields
    )

    assert wanted.query == f"q=x&folder=a&tag=b&f.{fields[2].key}=3.."
    assert filters.parse(QueryDict(wanted.query), fields) == wanted
    assert not Filter(sort="name", size=25).is_active


def test_it_counts_what_each_choice_would_show(shelf: Library, fields: tuple[Field, ...]) -> None:
    wanted = filters.parse(QueryDict("status=ready"), fields)
    facets = facets_of(alive(shelf), wanted, fields)

    assert {choice.value: choice.count for choice in facets.status.choices} == {"ready": 3, "failed": 1, "disabled": 1}
    by_name = {facet.name: facet for facet in facets.others}
    assert {choice.value: choice.count for choice in by_name["tag"].choices} == {"合同": 2, "signed": 1}
    assert {choice.value: choice.count for choice in by_name["type"].choices} == {"pdf": 1, "document": 1, "text": 1}
    assert "origin" not in by_name
    for choice in (*facets.status.choices, *by_name["tag"].choices, *by_name["type"].choices):
        if not choice.is_chosen:
            assert len(names(shelf, choice.query)) == choice.count


def test_it_grows_a_tree_of_folders(shelf: Library) -> None:
    closed = [(node.path, node.count) for node in tree(alive(shelf), "")]
    opened = [(node.path, node.count, node.is_current) for node in tree(alive(shelf), "contracts")]

    assert closed == [("contracts", 2)]
    assert opened == [("contracts", 2, True), ("contracts/2026", 1, False)]


def test_it_renames_a_folder_with_all_below_it(shelf: Library, alice: User) -> None:
    make(shelf, "other.txt", folder="contracts-old")

    assert rename_folder(user=alice, library=shelf, folder="contracts", to="deals/../all\x00") == 2
    assert {document.folder for document in alive(shelf)} == {"", "deals/all", "deals/all/2026", "contracts-old"}
    assert rename_folder(user=alice, library=shelf, folder="deals/all", to="") == 2
    assert {document.folder for document in alive(shelf)} == {"", "2026", "contracts-old"}


def test_it_sorts_and_pages(alice: User, library: Library) -> None:
    for number in range(30):
        make(library, f"{number:02}.txt", content=b"x" * (number + 1))

    held = rights_in(alice, [library.pk])
    by_size = listing(alice, library, QueryDict("sort=-size&size=25"), held)
    second = listing(alice, library, QueryDict("sort=name&size=25&page=2"), held)

    assert [document.name for document in by_size.page.object_list][:2] == ["29.txt", "28.txt"]
    assert [document.name for document in second.page.object_list] == [f"{number}.txt" for number in range(25, 30)]
    assert by_size.sorts["size"] == ("sort=size&size=25", "descending")


def test_it_keeps_views_of_ones_own_and_shared_ones(
    ed_client: Client, ann_client: Client, shelf: Library, ann: User
) -> None:
    save = page("view-save", shelf.pk)
    assert ed_client.post(save, {"name": "Signed", "query": "tag=signed&page=3", "is_shared": "on"}).status_code == 302
    assert ed_client.post(save, {"name": "Signed", "query": "tag=signed"}).status_code == 400
    assert ed_client.post(save, {"name": "Bad", "query": "owner__password=1"}).status_code == 400
    assert ann_client.post(save, {"name": "Mine", "query": "status=failed", "is_shared": "on"}).status_code == 302

    views = {view.name: view for view in SavedView.objects.all()}
    assert views["Signed"].query == "tag=signed"
    assert (views["Signed"].is_shared, views["Mine"].is_shared) == (True, False)
    assert "Signed" in ann_client.get(page("library", shelf.pk)).content.decode()
    assert "Mine" not in ed_client.get(page("library", shelf.pk)).content.decode()
    assert ann_client.post(page("view-delete", shelf.pk, views["Signed"].pk)).status_code == 404
    assert ann_client.post(page("view-delete", shelf.pk, views["Mine"].pk)).status_code == 200


def test_it_searches_while_one_types_and_writes_the_address(ann_client: Client, shelf: Library) -> None:
    answer = ann_client.get(
        page("rows", shelf.pk), {"q": "lease"}, headers={"HX-Request": "true", "HX-Trigger-Name": "q"}
    )

    assert answer["HX-Replace-Url"] == page("library", shelf.pk) + "?q=lease"
    body = answer.content.decode()
    assert "lease.pdf" in body
    assert "soon.txt" not in body


def test_it_shows_names_tags_and_folders_as_text(ann_client: Client, library: Library) -> None:
    evil = "<img src=x onerror=alert(1)>"
    make(library, evil, folder=evil, tags=[evil], source_url="https://example.test/" + evil)

    for query in ({}, {"folder": evil}, {"tag": evil}, {"q": evil}):
        assert evil not in ann_client.get(page("library", library.pk), query).content.decode()


def test_it_costs_the_same_queries_for_any_number_of_documents(
    alice_client: Client, shelf: Library, alice: User, fields: tuple[Field, ...]
) -> None:
    address = page("library", shelf.pk) + "?status=ready"
    alice_client.get(address)
    with CaptureQueriesContext(connection) as few:
        alice_client.get(address)
    parent = make(shelf, "archive.zip")
    for number in range(20):
        make(
            shelf, f"{number}", folder=f"f{number}", tags=[f"t{number}"], owner=alice, uploaded_by=alice, parent=parent
        )
    with CaptureQueriesContext(connection) as many:
        alice_client.get(address)

    assert len(many) == len(few) <= 31
