"""The steps from bytes to vectors, without jobs, leases or rows: workers and commands run the same ones."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol

from django.conf import settings
from django.db.models.fields.files import FieldFile

from apps.ingestion.chunking import default_rule
from apps.ingestion.errors import FileLost
from apps.ingestion.parse_errors import Empty
from apps.ingestion.parsers.host import Reading, Watch, limits_from_settings, read
from apps.ingestion.parsers.types import PageSetting, Task
from apps.ingestion.scanning import scan
from apps.ingestion.strategies import cut
from apps.libraries.types import ChunkDraft, PageRead, ParsedDocument
from apps.runtimes.contracts import Tokenizer

COPY_BYTES = 1024 * 1024


class Watcher(Protocol):
    """Hears of progress and says when to stop."""

    def show(self, done: int, total: int) -> None:
        """Take note of n of m."""
        ...

    def should_stop(self) -> bool:
        """Return whether the work is not wanted any more."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known before a file is read; see `parsers.types.Task`."""

    password: str | None = None
    pages: Mapping[int, PageSetting] = field(default_factory=dict)
    known: Mapping[int, PageRead] = field(default_factory=dict)
    on_page: Callable[[PageRead], None] = field(default=lambda _page: None)


PLAIN = Asked()


@contextmanager
def local_file(stored: FieldFile) -> Iterator[Path]:
    """Give a path to the stored bytes: the file itself on a local disk, else a temporary copy. Raises FileLost."""
    try:
        path = Path(stored.path)
    except NotImplementedError:
        with _copied(stored) as copy:
            yield copy
        return
    if not path.is_file():
        raise FileLost
    yield path


@contextmanager
def _copied(stored: FieldFile) -> Iterator[Path]:
    with NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        try:
            with stored.open("rb") as source:
                while data := source.read(COPY_BYTES):
                    copy.write(data)
        except FileNotFoundError as error:
            raise FileLost from error
        copy.flush()
        yield Path(copy.name)


def read_file(path: Path, name: str, watcher: Watcher, asked: Asked = PLAIN, *, is_whole: bool = True) -> Reading:
    """Return what the parser's isolated child found; close it. Raises a ParseError; `cancelled` when told to stop.

    The malware scanner, if there is one, looks first; ScannerUnavailable is raised when it does not answer. Unless
    `is_whole`, a long scan raises Unfinished after one shift of recognising.
    """
    scan(path)
    task = Task(
        str(path), name, asked.password, limits_from_settings(), pages=dict(asked.pages), known=dict(asked.known)
    )
    return read(task, Watch(watcher.show, watcher.should_stop, asked.on_page), is_whole=is_whole)


def split_document(parsed: ParsedDocument, title: str, tokenizer: Tokenizer) -> list[ChunkDraft]:
    """Return the chunks of a parsed document by the default rule. Raises Empty where there is no text at all."""
    found = cut(parsed, default_rule(), title=title, tokenizer=tokenizer)
    if not found.chunks:
        raise Empty
    return list(found.chunks)
