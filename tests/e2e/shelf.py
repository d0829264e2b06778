"""A library in which every page has something to show: filled by the services, inside the installation.

`fill` runs in `manage.py shell` of the installation. Everything in it has a Chinese name: whatever is English on a
Chinese page is then a text of ours that nobody translated.
"""

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from apps.ingestion.models import WebSource
from apps.ingestion.replacing import replace_upload
from apps.ingestion.services import receive_upload
from apps.ingestion.web.services import Plan, add_source
from apps.libraries import editing, metadata, saved, services
from apps.libraries.metadata import FieldInput
from apps.libraries.models import Chunk, Document, Library
from apps.users.models import Team, User
from tests.e2e import papers, studies

LIBRARY = "采购与制度"
READ_S = 180.0
TEXTS = {
    "采购合同": "# 采购合同\n\n## 付款\n\n货到三十日内付款。\n\n## 违约\n\n逾期每日按合同金额的千分之一付违约金。\n",
    "供应商名录": "# 供应商名录\n\n本名录每季度更新一次。\n\n问：谁可以推荐供应商？\n\n答：每位员工都可以推荐。\n",
    "旧版报销说明": "报销单须在返回后五日内提交。\n",
}


@dataclass(frozen=True)
class Shelf:
    """The addresses of the library, of its web source, of its documents and of what was asked, by a short name."""

    library: str
    source: str
    documents: dict[str, str]
    asked: dict[str, str]


def read(printed: str) -> Shelf:
    """Read what `fill` prints."""
    return Shelf(**json.loads(printed.strip().splitlines()[-1]))


def fill(site_url: str) -> None:
    """Make the library and print its addresses."""
    admin = User.objects.get(email="admin@localhost")
    team = Team.objects.of(admin)[0]
    library = services.create_library(user=admin, team=team, name=LIBRARY, description="合同、制度和扫描件。")
    with tempfile.TemporaryDirectory() as folder:
        documents = _upload(admin, library, Path(folder))
        wait(library)
        _arrange(admin, library, documents, Path(folder))
    _edit(admin, documents["rules"])
    source = _visit(admin, library, site_url)
    wait(library)
    shown = {name: reverse("libraries:document", args=[document.pk]) for name, document in documents.items()}
    library_page = reverse("libraries:library", args=[library.pk])
    asked = studies.study(admin, library, documents)
    made = {"library": library_page, "source": source, "documents": shown, "asked": asked}
    sys.stdout.write(json.dumps(made) + "\n")


def _upload(admin: User, library: Library, folder: Path) -> dict[str, Document]:
    def put(data: bytes, name: str, where: str = "") -> Document:
        return receive_upload(user=admin, library=library, file=ContentFile(data), name=name, folder=where)

    return {
        "rules": put(papers.rules_zh(folder).read_bytes(), "员工手册.pdf", "制度/人事"),
        "scan": put(papers.scan(folder).read_bytes(), "扫描件.pdf", "合同"),
        "sheet": put(papers.rates(folder).read_bytes(), "差旅标准.xlsx", "制度"),
        "picture": put(papers.photo(folder).read_bytes(), "通知照片.png"),
        "parcel": put(papers.parcel(folder).read_bytes(), "邮件归档.zip", "归档"),
        "broken": put(b"%PDF-1.7\nnothing that a reader could follow", "坏文件.pdf"),
        "text": put(TEXTS["采购合同"].encode(), "采购合同.md", "合同/2026"),
        "off": put(TEXTS["供应商名录"].encode(), "供应商名录.md"),
        "gone": put(TEXTS["旧版报销说明"].encode(), "旧版报销说明.txt"),
    }


def wait(library: Library) -> None:
    """Wait until every document of a library is read."""
    live = Document.objects.filter(library=library, status__in=["queued", "running"])
    until = time.monotonic() + READ_S
    while live.exists() and time.monotonic() < until:
        time.sleep(0.25)
    assert not live.exists(), list(live.values_list("name", "status", "stage"))


def _arrange(admin: User, library: Library, documents: dict[str, Document], folder: Path) -> None:
    """Give the documents tags, fields, an owner and an end, a second version, and put one into the trash."""
    inputs = [FieldInput("", "部门", "choice", "人事, 法务, 采购"), FieldInput("", "合同编号", "text", "")]
    inputs += [FieldInput("", "金额", "number", ""), FieldInput("", "签署日期", "date", "")]
    department, number, amount, day = metadata.save_fields(user=admin, library=library, inputs=inputs)
    today = timezone.localdate()
    _change(documents["rules"], tags=["制度", "人事"], owner=admin, valid_until=today + timedelta(days=5))
    values = {department.key: "采购", number.key: "合-0042", amount.key: 1450, day.key: "2026-05-01"}
    _change(documents["text"], tags=["合同", "已签"], metadata=values)
    _change(documents["scan"], tags=["合同"], owner=admin, valid_until=today - timedelta(days=3))
    _change(documents["off"], is_enabled=False)
    services.delete_document(user=admin, document=documents["gone"])
    saved.save_view(user=admin, library=library, name="全部合同", query="tag=合同", is_shared=True)
    newer = papers.rules_zh(folder, "十五").read_bytes()
    replace_upload(user=admin, document=documents["rules"], file=ContentFile(newer), note="年假改为十五天")


def _change(document: Document, **values: object) -> None:
    for name, value in values.items():
        setattr(document, name, value)
    document.save(update_fields=list(values))


def _edit(admin: User, document: Document) -> None:
    """Wait for the second version, then edit its first passage."""
    wait(document.library)
    chunk = Chunk.objects.filter(document=document).order_by("ordinal")[0]
    content = editing.Content(f"{chunk.text}\n弹性工作须经部门经理同意。", ("工时", "弹性"), ("几点上班？",))
    editing.edit(user=admin, chunk=chunk, content=content)


def _visit(admin: User, library: Library, site_url: str) -> str:
    """Add the neighbour's site as a web source; returns its address when it is read."""
    source = add_source(user=admin, library=library, plan=Plan("site", f"{site_url}/guide/", depth=1, every_hours=24))
    until = time.monotonic() + READ_S
    while WebSource.objects.get(pk=source.pk).is_live and time.monotonic() < until:
        time.sleep(0.25)
    return reverse("ingestion:web-source", args=[source.pk])
