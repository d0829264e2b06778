"""A library's rule: its page, its preview, and the cutting of all documents in the background."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.core.invariants import verify
from apps.ingestion import chunking_views, previewing, rechunking, tasks
from apps.ingestion.chunking import default_rule, make_rule, rule_of
from apps.ingestion.inline import run_jobs
from apps.ingestion.models import IngestionJob
from apps.libraries.models import Chunk, Document, DocumentVersion, Library
from apps.users.models import User
from tests import factories
from tests.ingestion.conftest import Upload, long_text

FAQ = "Q: How long is the leave?\n\nA: Ten days.\n\nQ: Who decides?\n\nA: The manager."


@pytest.fixture(autouse=True)
def _bells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a preview run at once and other bells ring in vain."""

    def ring(task: Any, *arguments: str) -> None:
        if task is tasks.preview_chunks:
            tasks.preview_chunks(*arguments)

    monkeypatch.setattr(chunking_views, "ring", ring)


def settle(library: Library) -> None:
    ids = list(IngestionJob.objects.filter(document__library=library, state="queued").values_list("pk", flat=True))
    assert {job.state for job in run_jobs(ids)} <= {IngestionJob.State.DONE}


def address(library: Library, name: str = "") -> str:
    return f"/libraries/{library.pk}/chunking/{name}"


def broken() -> list[Any]:
    return [found for found in verify() if found.check.startswith(("libraries.", "ingestion."))]


def stored() -> set[str]:
    if not default_storage.exists("documents"):
        return set()
    shards = default_storage.listdir("documents")[0]
    return {name for shard in shards for name in default_storage.listdir(f"documents/{shard}")[1]}


def shown(client: Client, library: Library, page: bytes) -> str:
    token = page.decode().split('name="again" value="')[1].split('"')[0]
    return client.get(address(library, f"preview/{UUID(token)}/")).content.decode()


def test_it_previews_a_document_by_the_rule_of_the_form(upload: Upload, library: Library, alice_client: Client) -> None:
    document = upload(FAQ, name="faq.txt")
    settle(library)

    begun = alice_client.post(address(library, "preview/"), {"document": document.pk, "strategy": "qa"})

    page = shown(alice_client, library, begun.content)
    assert "2 passages" in page
    assert "How long is the leave?" in page
    assert page.count('class="cut"') == 2
    assert Chunk.objects.filter(document=document).count() == 1


def test_it_previews_a_file_without_keeping_it(library: Library, alice_client: Client, upload: Upload) -> None:
    before, file = stored(), SimpleUploadedFile("mine.txt", FAQ.encode())

    begun = alice_client.post(address(library, "preview/"), {"file": file, "strategy": "qa"})

    assert "2 passages" in shown(alice_client, library, begun.content)
    assert not Document.objects.exists()
    assert stored() == before
    token = begun.content.decode().split('name="again" value="')[1].split('"')[0]
    again = alice_client.post(address(library, "preview/"), {"again": token, "strategy": "whole"})
    assert "1 passage<" in shown(alice_client, library, again.content)


def test_a_preview_that_fails_says_why(library: Library, alice_client: Client, embedding_model: Any) -> None:
    file = SimpleUploadedFile("empty.pdf", b"%PDF-1.4 nothing")

    begun = alice_client.post(address(library, "preview/"), {"file": file})

    assert 'role="alert"' in shown(alice_client, library, begun.content)
    refused = alice_client.post(address(library, "preview/"), {})
    assert refused.status_code == 422
    assert "Choose a file" in refused.content.decode()


def test_a_preview_is_its_askers_alone(library: Library, alice: User, alice_client: Client, ada_client: Client) -> None:
    """A token of somebody else, even of the same team, is no token."""
    asked = previewing.ask(alice, library, previewing.Sample("x"), default_rule())
    token = UUID(asked.token)
    other = factories.LibraryFactory(team=library.team)

    assert alice_client.get(address(library, f"preview/{token}/")).status_code == 200
    assert ada_client.get(address(library, f"preview/{token}/")).status_code == 404
    assert alice_client.get(address(other, f"preview/{token}/")).status_code == 404
    assert alice_client.get(address(library, f"preview/{uuid4()}/")).status_code == 404
    assert alice_client.post(address(library, "preview/"), {"document": uuid4()}).status_code == 422


def test_a_preview_that_nobody_waits_for_is_not_made(library: Library, alice: User) -> None:
    """The browser asks twice a second; when it is silent, the page was left or the rule changed."""
    key = default_storage.save("documents/zz/sample", ContentFile(FAQ.encode()))
    asked = previewing.ask(alice, library, previewing.Sample("x.txt", key=key), default_rule())
    cache.delete(f"preview-waited:{asked.token}")
    cache.delete(f"preview-sample:{key}")

    previewing.run(asked.token)

    assert previewing.find(alice, library, UUID(asked.token)).state == "waiting"
    assert not default_storage.exists(key)


@pytest.mark.parametrize(
    "form",
    [
        {"strategy": "structure", "target_tokens": "9999"},
        {"strategy": "magic"},
        {"strategy": "structure", "target_tokens": "100", "overlap_tokens": "90"},
    ],
)
def test_it_refuses_a_rule_that_cannot_be(
    form: dict[str, str], library: Library, alice_client: Client, embedding_model: Any
) -> None:
    answer = alice_client.post(address(library), form)

    assert answer.status_code == 400
    library.refresh_from_db()
    assert library.chunking == {}


def test_saving_cuts_all_documents_anew_while_the_old_passages_serve(
    upload: Upload, library: Library, alice_client: Client
) -> None:
    first, second = upload(long_text(20), name="a.txt"), upload(long_text(10, "other "), name="b.txt")
    settle(library)
    before = set(Chunk.objects.values_list("pk", flat=True))

    answer = alice_client.post(
        address(library), {"strategy": "structure", "target_tokens": "40", "overlap_tokens": "0"}
    )

    assert answer.status_code == 302
    assert set(Chunk.objects.values_list("pk", flat=True)) == before
    library.refresh_from_db()
    state = rechunking.standing(library)
    assert (state.live, state.cut, state.documents) == (2, 0, 2)
    assert "Cutting anew: 0 of 2 documents" in alice_client.get(address(library, "standing/")).content.decode()
    settle(library)
    assert Chunk.objects.count() > len(before)
    assert {job.kind for job in IngestionJob.objects.filter(document=first).order_by("created_at")} == {"read", "chunk"}
    second.refresh_from_db()
    assert second.status == Document.Status.READY
    assert rechunking.standing(library) == rechunking.Standing(2, 0, 2)
    assert broken() == []


def test_stopping_leaves_the_documents_ready_as_they_were(
    upload: Upload, library: Library, alice: User, alice_client: Client
) -> None:
    documents = [upload(long_text(5, f"{n} "), name=f"{n}.txt") for n in range(3)]
    settle(library)
    rechunking.save_rule(user=alice, library=library, rule=make_rule({"target_tokens": "40"}, max_tokens=512))
    held = tasks.jobs.claim_next("read")
    assert held is not None

    alice_client.post(address(library, "stop/"))
    tasks.attempt(held, tasks.read)

    for document in documents:
        document.refresh_from_db()
    assert {document.status for document in documents} == {Document.Status.READY}
    assert set(IngestionJob.objects.filter(kind="chunk").values_list("state", flat=True)) == {"cancelled"}
    assert rechunking.standing(library).old == 3
    assert broken() == []
    assert rechunking.queue_all(library) == 3


def test_a_document_on_its_way_by_the_old_rule_is_cut_again(upload: Upload, library: Library, alice: User) -> None:
    """The rule changes between the split and the index of a job."""
    document = upload(long_text(12))
    held = tasks.jobs.claim_next("read")
    assert held is not None
    tasks.attempt(held, tasks.read)

    assert (
        rechunking.save_rule(user=alice, library=library, rule=make_rule({"target_tokens": "40"}, max_tokens=512)) == 0
    )
    settle(library)

    job = document.jobs.get(kind="chunk")
    run_jobs([job.pk])
    document.refresh_from_db()
    library.refresh_from_db()
    assert document.current_version is not None
    assert document.current_version.cut_by == rule_of(library).digest


def test_it_reads_the_file_again_where_the_text_is_gone(upload: Upload, library: Library, alice: User) -> None:
    document = upload(long_text(6))
    settle(library)
    document.refresh_from_db()
    version = document.current_version
    assert version is not None
    default_storage.delete(version.blocks.name)

    rechunking.save_rule(user=alice, library=library, rule=make_rule({"target_tokens": "40"}, max_tokens=512))
    settle(library)

    version = DocumentVersion.objects.get(pk=version.pk)
    assert default_storage.exists(version.blocks.name)
    assert broken() == []


def test_documents_from_before_rules_count_as_cut_by_the_default_one(upload: Upload, library: Library) -> None:
    upload(long_text(3))
    settle(library)
    DocumentVersion.objects.update(cut_by="")

    assert rechunking.standing(library).old == 0
    assert rechunking.queue_all(library) == 0


def test_parents_are_stored_and_read(upload: Upload, library: Library, alice: User) -> None:
    rule = make_rule({"strategy": "parent_child", "target_tokens": "40", "parent_tokens": "200"}, max_tokens=512)
    rechunking.save_rule(user=alice, library=library, rule=rule)
    document = upload(long_text(30))
    settle(library)

    chunks = list(Chunk.objects.filter(document=document).select_related("section").order_by("ordinal"))
    assert len(chunks) > 20
    assert all(chunk.section is not None and chunk.text in chunk.section.text for chunk in chunks)
    assert 3 < len({chunk.section_id for chunk in chunks}) < len(chunks)


def test_questions_are_kept_with_their_passages(upload: Upload, library: Library, alice: User) -> None:
    rechunking.save_rule(user=alice, library=library, rule=make_rule({"strategy": "qa"}, max_tokens=512))
    document = upload(FAQ)
    settle(library)

    questions = list(Chunk.objects.filter(document=document).order_by("ordinal").values_list("questions", flat=True))
    assert questions == [["How long is the leave?"], ["Who decides?"]]
