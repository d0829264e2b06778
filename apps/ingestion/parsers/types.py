"""What passes between the host and the child that reads a document. Plain Python: the child knows no Django."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from apps.libraries.types import Blob, PageRead

Office = Literal["docx", "pptx", "xlsx", "doc", "ppt", "xls", "odt", "ods", "odp", "rtf", "csv"]
Textual = Literal["markdown", "rst", "html", "mhtml", "xml", "text", "code", "json", "jsonl", "subtitles"]
Container = Literal["eml", "msg", "mbox", "epub", "zip"]
Kind = Literal["pdf", "image", Office, Textual, Container]
Param = str | int | float | None
Report = Callable[[int, int], None]  # (pages done, pages in all)


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What one parse may cost. Seconds, MiB, pages and characters."""

    wall_s: float = 300.0
    cpu_s: int = 240
    memory_mib: int = 1_400
    max_pages: int = 10_000
    max_chars: int = 20_000_000
    max_blob_mib: int = 1_024  # figures, attachments and members of archives, all together
    max_members: int = 10_000  # of an archive, nested ones included (security-cases row 67)
    max_depth: int = 3  # archives in archives
    ocr_threads: int = 1  # 0: pages without a text layer are not recognised
    ocr_shift_s: float = 60.0  # after so long a child ends with `unfinished`; the next goes on with the pages left
    max_ratio: int = 100  # unpacked to packed, counted while streaming, above the first MiB


class Refused(Exception):
    """A document that is not read, with a stable code and what the sentence for people needs."""

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True, slots=True)
class PageSetting:
    """How a person wants one page to be read. `method` "auto" decides by the page; `rotation` None by the picture."""

    method: Literal["auto", "text", "ocr", "skip"] = "auto"
    rotation: Literal[0, 90, 180, 270] | None = None
    dpi: int = 0  # 0: the default
    threshold: float = 0.0  # recognised lines below this confidence (0..1) are left out; 0: the default


def keep_nothing(_data: Iterable[bytes]) -> Blob:
    """Refuse to keep bytes: only a child can."""
    raise Refused("broken")


@dataclass(frozen=True, slots=True)
class Task:
    """What the child is to read. `report` tells how far it is; it may be called as often as one likes.

    `keep` streams bytes into the result file and returns where they lie; it raises Refused above the limit of blobs.
    `pages` holds settings by page number; `known` is what earlier tries recognised, so that it is not done again;
    `tell` hands a page that was just recognised to the host at once, so that it survives a crash.
    """

    path: str
    name: str
    password: str | None
    limits: ParseLimits
    report: Report = field(default=lambda _done, _total: None)
    keep: Callable[[Iterable[bytes]], Blob] = field(default=keep_nothing)
    pages: Mapping[int, PageSetting] = field(default_factory=dict)
    known: Mapping[int, PageRead] = field(default_factory=dict)
    tell: Callable[[PageRead], None] = field(default=lambda _page: None)
    hands: int = 1  # processes that may read pages at the same time: more than one only in a confined child
    temp: str = ""  # the directory of this parse's temporary files, removed by the host; "": the system's


@dataclass(frozen=True, slots=True)
class Failure:
    """How a parse failed, as the child or its keeper tells it. `log` is for operators only."""

    code: str
    params: Mapping[str, Param] = field(default_factory=dict)
    log: str = ""
