"""The list of a library while an archive in it is read: its files appear by themselves."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.libraries.models import Document

pytestmark = pytest.mark.django_db
EVENT = "HX-Trigger-After-Settle"


def progress(client: Client, document: Document) -> str | None:
    address = reverse("libraries:progress", args=[document.library_id])
    found = client.get(address, {"id": str(document.pk)}).headers.get(EVENT)
    return None if found is None else str(found)


def test_it_loads_the_list_again_when_an_archive_is_read(alice_client: Client, document: Document) -> None:
    Document.objects.create(library=document.library, parent=document, name="april.md", sha256="1")
    Document.objects.filter(pk=document.pk).update(status=Document.Status.RUNNING)
    assert progress(alice_client, document) is None

    Document.objects.filter(pk=document.pk).update(status=Document.Status.READY)

    assert progress(alice_client, document) == "kb:documents"


def test_it_leaves_the_list_alone_when_a_document_without_files_is_read(
    alice_client: Client, document: Document
) -> None:
    assert progress(alice_client, document) is None
