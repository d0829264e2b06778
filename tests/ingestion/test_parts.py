"""Files inside files: an archive's members and a mail's attachments become documents below the file they came in."""

import io
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import override_settings

from apps.catalog.models import AIModel
from apps.core.invariants import verify
from apps.ingestion import jobs, parts, receivers, rechunking, services
from apps.ingestion.chunking import rule_of
from apps.ingestion.inline import run_jobs
from apps.ingestion.models import IngestionJob
from apps.ingestion.parsers.types import ParseLimits
from apps.libraries.models import Document, DocumentVersion, Library
from apps.libraries.services import delete_document, restore_document
from apps.metering.models import Resource
from apps.metering.usage import used_in_all
from apps.users.models import User

Send = Callable[[bytes, str], Document]


def packed(**members: bytes | str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def letter(*files: tuple[str, bytes], body: str = "See the attached files.") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <ann@a.test>", "Bob <bob@b.test>", "Budget 2025"
    message["Date"] = "Mon, 6 Jan 2025 10:00:00 +0800"
    message.set_content(body)
    for name, content in files:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def broken() -> list[str]:
    return [found.what for found in verify() if found.check.startswith(("libraries.", "ingestion.", "metering."))]


def settle_all() -> None:
    """Carry out jobs until none is left, those of parts that jobs make included."""
    while live := list(IngestionJob.objects.filter(state__in=IngestionJob.LIVE).values_list("pk", flat=True)):
        run_jobs(live)


@pytest.fixture
def send(alice: User, library: Library, rung: list[str], embedding_model: AIModel) -> Send:
    """Return a function that uploads bytes to t1's library and has everything read."""

    def sending(data: bytes, name: str) -> Document:
        document = services.receive_upload(
            user=alice, library=library, file=ContentFile(data), name=name, folder="inbox"
        )
        settle_all()
        document.refresh_from_db()
        return document

    return sending


def shown(document: Document) -> list[tuple[str, str, str]]:
    rows = document.parts.filter(deleted_at=None).order_by("folder", "name")
    return [(row.folder, row.name, row.status) for row in rows]


def test_it_makes_documents_of_an_archive_and_keeps_its_folders(send: Send) -> None:
    data = packed(**{"a.txt": "Walruses live here.", "sub/b.md": "# Seals\n\nSeals live there."})

    document = send(data, "animals.zip")

    assert document.status == "ready"
    assert document.current_version is not None
    assert document.current_version.chunk_count == 0
    assert document.current_version.facts["parts"] == "2"
    assert shown(document) == [("inbox/animals", "a.txt", "ready"), ("inbox/animals/sub", "b.md", "ready")]
    child = document.parts.get(name="b.md")
    assert child.origin == "part"
    assert "Seals live there." in child.chunks.get().text
    assert broken() == []


def test_it_rings_once_for_the_workers_that_read_the_parts(
    send: Send, monkeypatch: pytest.MonkeyPatch, rung: list[str]
) -> None:
    monkeypatch.setattr(parts, "BATCH", 2)
    monkeypatch.setattr(receivers, "ring", lambda task: rung.append(f"parts: {task.name.rpartition('.')[2]}"))

    send(packed(**{f"{n}.txt": f"Text {n}." for n in range(5)}), "five.zip")

    assert rung.count("parts: read_document") == 1


def test_it_cuts_no_container_anew(send: Send, library: Library, alice: User) -> None:
    send(packed(**{"a.txt": "Walruses live here."}), "animals.zip")

    assert rechunking.save_rule(user=alice, library=library, rule=rule_of(library)) == 0


def test_it_reads_a_mail_and_its_attachments_and_lists_what_it_cannot_read(send: Send) -> None:
    document = send(letter(("plan.txt", b"Plan: buy ice."), ("tool.exe", b"MZ\x90\0" + bytes(60))), "mail.eml")

    version = document.current_version
    assert version is not None
    assert shown(document) == [("inbox", "plan.txt", "ready")]
    assert version.attachments == [{"name": "tool.exe", "folder": "", "size": 64, "reason": "unsupported-format"}]
    assert version.facts["from"] == "Ann <ann@a.test>"
    assert version.facts["sent"] == "2025-01-06 10:00:00+08:00"
    assert "See the attached files." in document.chunks.get().text
    assert broken() == []


def test_it_goes_three_files_deep_and_no_deeper(send: Send) -> None:
    data: bytes = b"At the bottom."
    name = "bottom.txt"
    for level in range(5):
        data, name = letter((name, data), body=f"Level {level}"), f"level{level}.eml"

    document = send(data, name)

    depths = []
    while (child := document.parts.first()) is not None:
        depths.append(child.name)
        document = child
    assert depths == ["level3.eml", "level2.eml", "level1.eml"]
    assert document.current_version is not None
    assert [row["reason"] for row in document.current_version.attachments] == ["too-deep"]


def test_it_counts_the_whole_family_against_the_limits_of_an_archive(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security-cases 67: mails in archives in mails are one upload."""
    monkeypatch.setattr(parts, "limits_from_settings", lambda: ParseLimits(max_members=4))
    inner = [letter((f"{n}a.txt", b"a%d" % n), (f"{n}b.txt", b"b%d" % n)) for n in range(2)]

    document = send(packed(**{"one.eml": inner[0], "two.eml": inner[1]}), "mails.zip")

    states = [(child.status, child.error_code) for child in document.parts.order_by("name")]
    assert sorted(states) == [("failed", "too-many-parts"), ("ready", "")]
    assert Document.objects.count() == 5
    assert broken() == []


def test_it_makes_each_part_once_however_often_it_is_tried(send: Send, alice: User) -> None:
    document = send(letter(("plan.txt", b"Plan: buy ice.")), "mail.eml")
    child = document.parts.get()
    Document.objects.filter(pk=child.pk).update(name="renamed.txt", folder="elsewhere")
    Document.objects.filter(pk=document.pk).update(status="failed")

    services.retry(user=alice, document=document)
    settle_all()

    assert [part.pk for part in document.parts.all()] == [child.pk]
    assert child.versions.count() == 1
    assert broken() == []


def test_it_goes_on_where_a_killed_worker_stopped(
    alice: User, library: Library, rung: list[str], embedding_model: AIModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "BATCH", 2)
    data = packed(**{f"{n}.txt": f"Text number {n}." for n in range(5)})
    document = services.receive_upload(user=alice, library=library, file=ContentFile(data), name="five.zip")
    real = parts._make
    calls: list[int] = []

    def dying(work: parts._Work, batch: list[parts._Part]) -> object:
        calls.append(len(batch))
        if len(calls) == 2:
            raise SystemExit
        return real(work, batch)

    monkeypatch.setattr(parts, "_make", dying)
    with pytest.raises(SystemExit):
        run_jobs([document.jobs.get().pk])
    assert document.parts.count() == 2
    IngestionJob.objects.filter(document=document).update(state="queued", lease_owner="", lease_until=None)
    settle_all()

    document.refresh_from_db()
    assert document.status == "ready"
    assert [child.status for child in document.parts.all()] == ["ready"] * 5
    assert broken() == []


def test_it_gives_a_changed_part_a_new_version_and_drops_what_is_gone(send: Send, alice: User) -> None:
    document = send(packed(**{"same.txt": "Same.", "new.txt": "Old text.", "gone.txt": "Gone."}), "files.zip")
    same, changed = document.parts.get(name="same.txt"), document.parts.get(name="new.txt")
    version = _next_version(document, packed(**{"same.txt": "Same.", "new.txt": "New text.", "more.txt": "More."}))
    jobs.queue(document, version)
    settle_all()

    assert [name for _folder, name, _status in shown(document)] == ["more.txt", "new.txt", "same.txt"]
    assert [chunk.text for chunk in changed.chunks.all()] == ["New text."]
    assert same.versions.count() == 1
    assert document.parts.get(name="gone.txt").deleted_at is not None
    assert broken() == []


def _next_version(document: Document, data: bytes) -> DocumentVersion:
    version = DocumentVersion(document=document, number=2, sha256="0" * 64, size_bytes=len(data))
    version.file.save("any", ContentFile(data), save=False)
    version.save(force_insert=True)
    return version


def test_it_deletes_and_restores_parts_with_their_file(send: Send, alice: User) -> None:
    document = send(packed(**{"a.txt": "Walruses live here."}), "animals.zip")

    delete_document(user=alice, document=document)
    assert shown(document) == []

    document.refresh_from_db()
    restore_document(user=alice, document=document)
    assert shown(document) == [("inbox/animals", "a.txt", "ready")]


def test_it_lists_parts_beyond_the_quota_and_counts_the_others_exactly(send: Send, library: Library) -> None:
    with override_settings(ENV=_env(team_storage_mib=1)):
        document = send(packed(**{"small.txt": "Small.", "big.txt": "words " * 200_000}), "two.zip")

    version = document.current_version
    assert version is not None
    assert [(row["name"], row["reason"]) for row in version.attachments] == [("big.txt", "quota-exceeded")]
    assert shown(document) == [("inbox/two", "small.txt", "ready")]
    assert broken() == []
    stored = sum(row.size_bytes for row in Document.objects.all())
    assert used_in_all(library.team_id)[Resource.STORAGE_BYTES] == stored


def _env(**more: object) -> object:
    from django.conf import settings  # noqa: PLC0415

    return settings.ENV.model_copy(update=more)


def test_it_leaves_no_bytes_behind_when_rows_cannot_be_written(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(parts, "_write_rows", failing)

    document = send(packed(**{"a.txt": "Walruses live here."}), "animals.zip")

    assert document.status == "failed"
    shards = default_storage.listdir("documents")[0]
    files = [name for shard in shards for name in default_storage.listdir(f"documents/{shard}")[1]]
    assert len([name for name in files if DocumentVersion.objects.filter(file__endswith=name).exists()]) == 1


def test_it_reads_the_parts_too_when_a_shell_ingests_an_archive(
    library: Library, rung: list[str], embedding_model: AIModel, tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(packed(**{"mail.eml": letter(("plan.txt", b"Plan: buy ice."))}))

    call_command("ingest", str(tmp_path / "a.zip"), library=library.name, team=library.team.name)

    assert {document.name: document.status for document in Document.objects.all()} == {
        "a.zip": "ready",
        "mail.eml": "ready",
        "plan.txt": "ready",
    }
