"""What a rule makes of one document, shown before it is saved.

The web process only asks; a worker reads the sample in the parser's isolated child and cuts it. Both meet in a mailbox
(`core.mailbox`) for half an hour; the text of the sample lies beside it, so that another rule needs no second reading.
"""

import gzip
import json
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal
from uuid import UUID

from django.core.cache import cache
from django.core.files.storage import default_storage

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.core.errors import AppError, Value
from apps.core.mailbox import WAITED_S, Mailbox
from apps.ingestion import pipeline
from apps.ingestion.chunking import Rule, stored_rule
from apps.ingestion.errors import PreviewGone
from apps.ingestion.names import display_name
from apps.ingestion.parse_errors import Empty, ParseCancelled
from apps.ingestion.strategies import Cut, cut
from apps.libraries.models import Document, DocumentVersion, Library
from apps.libraries.reading import blocks_from_lines, lines_of, load_blocks, title_of
from apps.libraries.types import Block, ParsedDocument
from apps.runtimes import registry
from apps.users.models import User

logger = logging.getLogger(__name__)
KEPT_S = 30 * 60
MOST_CHARS = 400_000  # of a sample's text: about 200 pages; the rest is left out of the preview
SHOWN = 60  # passages
BARS = 16  # of the histogram
State = Literal["waiting", "reading", "cutting", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Sample:
    """What is cut: a document of the library, or a stored file that nobody owns; `name` is shown."""

    name: str
    document: str = ""
    key: str = ""

    @property
    def text_key(self) -> str:
        """Return where the sample's text lies in the cache."""
        return f"preview-text:{self.document or self.key}"


@dataclass(frozen=True, slots=True)
class Card:
    """A passage as the preview shows it; `section` counts from 1, 0 without one."""

    number: int
    text: str
    tokens: int
    path: Sequence[str] = ()
    page: int | None = None
    questions: Sequence[str] = ()
    section: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What the rule makes of the sample. `sizes` are the passages' tokens, `limit` is the model's."""

    cards: Sequence[Card]
    sizes: Sequence[int]
    sections: int
    limit: int
    is_cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """One question of one person, with how far it is."""

    token: str
    user: str
    library: str
    sample: Sample
    rule: Mapping[str, Any]
    state: State = "waiting"
    done: int = 0
    total: int = 0
    error: str = ""
    params: Mapping[str, Value] = field(default_factory=dict)
    result: Result | None = None

    @property
    def is_settled(self) -> bool:
        """Return whether nothing more will happen."""
        return self.state in {"done", "failed"}


BOX = Mailbox("preview", Preview, kept_s=KEPT_S)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the histogram: passages of `least` to `most` tokens; x, y, width and height in a box of 100 by 40."""

    least: int
    most: int
    count: int
    x: float
    y: float
    width: float
    height: float


def of_document(document: Document) -> Sample:
    """Return a document of the library as a sample."""
    return Sample(document.name, document=str(document.pk))


def of_file(name: str, key: str) -> Sample:
    """Return a stored file as a sample; it is deleted once it was read."""
    shown, _folder = display_name(name, "")
    return Sample(shown, key=key)


def ask(user: User, library: Library, sample: Sample, rule: Rule) -> Preview:
    """Remember the question; the caller rings."""
    preview = BOX.put(Preview(str(uuid.uuid4()), str(user.pk), str(library.pk), sample, rule.as_json()))
    _keep_alive(preview)
    return preview


def find(user: User, library: Library, token: UUID) -> Preview:
    """Return a question of this person about this library. Raises NotFound for any other and for one too old."""
    preview = BOX.own(token, user=str(user.pk), library=str(library.pk))
    _keep_alive(preview)
    return preview


def run(token: str) -> None:
    """Answer a question, in a worker; nobody waits any more for one that the browser stopped asking about."""
    preview = BOX.letter(token)
    if preview is None or preview.is_settled:
        return
    watcher = _Watcher(preview)
    try:
        result = _answer(preview, watcher)
    except ParseCancelled:
        if preview.sample.key and cache.get(f"preview-sample:{preview.sample.key}") is None:
            default_storage.delete(preview.sample.key)
    except AppError as error:
        BOX.put(replace(preview, state="failed", error=error.code, params=dict(error.params)))
        if preview.sample.key:
            default_storage.delete(preview.sample.key)
    else:
        BOX.put(replace(preview, state="done", result=result))


def fail(token: str, error: AppError) -> None:
    """Say that something unexpected happened."""
    preview = BOX.letter(token)
    if preview is not None:
        BOX.put(replace(preview, state="failed", error=error.code, params=dict(error.params)))


class _Watcher:
    """Shows the progress of the reading, and stops it when nobody waits any more."""

    def __init__(self, preview: Preview) -> None:
        self._preview = preview

    def show(self, done: int, total: int) -> None:
        """Show n of m pages."""
        BOX.put(replace(self._preview, state="reading", done=done, total=total))

    def should_stop(self) -> bool:
        """Return whether nobody has asked for some seconds."""
        return not BOX.is_waited_for(self._preview.token)


def _answer(preview: Preview, watcher: _Watcher) -> Result:
    if watcher.should_stop():
        raise ParseCancelled
    parsed, is_cut_short = _text(preview.sample, watcher)
    BOX.put(replace(preview, state="cutting"))
    tokenizer = registry.tokenizer(spec_of(default_model(AIModel.Kind.EMBEDDING)))
    rule = stored_rule(preview.rule)
    found = cut(parsed, rule, title=title_of(preview.sample.name), tokenizer=tokenizer)
    if not found.chunks:
        raise Empty
    sizes = [chunk.tokens for chunk in found.chunks]
    return Result(list(_cards(found)), sizes, len(found.sections), tokenizer.max_tokens, is_cut_short)


def _cards(found: Cut) -> Iterator[Card]:
    for chunk in found.chunks[:SHOWN]:
        section = chunk.section + 1 if chunk.section is not None else 0
        number, page, questions = chunk.ordinal + 1, chunk.page_from, list(chunk.questions)
        yield Card(number, chunk.text, chunk.tokens, list(chunk.heading_path), page, questions, section)


def _text(sample: Sample, watcher: _Watcher) -> tuple[ParsedDocument, bool]:
    """Return the sample's text, and whether there is more of it. Raises a ParseError or PreviewGone."""
    packed = cache.get(sample.text_key)
    if packed is None:
        found = _stored(sample) if sample.document else _read(sample, watcher)
        lines = [json.dumps(dict(found.facts)), *lines_of(_shortened(found.blocks))]
        packed = gzip.compress("\n".join(lines).encode(), compresslevel=5)
        cache.set(sample.text_key, packed, KEPT_S)
        if sample.key:
            default_storage.delete(sample.key)
    facts, *lines = gzip.decompress(packed).decode().split("\n")
    blocks = tuple(blocks_from_lines(lines))
    return ParsedDocument(blocks, facts=json.loads(facts)), sum(len(block.text) for block in blocks) >= MOST_CHARS


def _stored(sample: Sample) -> ParsedDocument:
    document = Document.objects.select_related("current_version").filter(pk=sample.document, deleted_at=None).first()
    version = document.current_version if document else None
    blocks = load_blocks(version) if version else ()
    if version is None or not blocks:
        raise PreviewGone
    return ParsedDocument(blocks, facts=version.facts)


def _read(sample: Sample, watcher: _Watcher) -> ParsedDocument:
    """Read a file that was sent for the preview alone."""
    with (
        pipeline.local_file(DocumentVersion(file=sample.key).file) as path,
        pipeline.read_file(path, sample.name, watcher) as reading,
    ):
        return reading.parsed


def _shortened(blocks: Sequence[Block]) -> Iterator[Block]:
    room = MOST_CHARS
    for block in blocks:
        if room <= 0:
            return
        yield block if len(block.text) <= room else replace(block, text=block.text[:room])
        room -= len(block.text)


def histogram(result: Result) -> list[Bar]:
    """Return how many passages there are of each size."""
    top = max(result.sizes)
    step = max(1, -(-top // BARS))
    edges = list(range(0, top + step, step))
    counts = [sum(least < size <= most for size in result.sizes) for least, most in pairwise(edges)]
    width, highest = 100 / max(1, len(counts)), max([*counts, 1])
    return [
        Bar(least + 1, most, count, round(at * width, 2), *_drawn(count, highest, width))
        for at, ((least, most), count) in enumerate(zip(pairwise(edges), counts, strict=True))
    ]


def _drawn(count: int, highest: int, width: float) -> tuple[float, float, float]:
    """Return y, width and height; a bar of few is still seen."""
    height = max(1.5, 40 * count / highest) if count else 0.0
    return round(40 - height, 2), round(width - 0.8, 2), round(height, 2)


def _keep_alive(preview: Preview) -> None:
    """Note that somebody waits for this preview and its sample just now."""
    BOX.wait(preview.token)
    if preview.sample.key:
        cache.set(f"preview-sample:{preview.sample.key}", 1, WAITED_S)
