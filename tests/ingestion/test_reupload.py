"""A new version of a long document: only what changed is embedded, and nothing else moves."""

import io
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from apps.core.invariants import verify
from apps.ingestion import pipeline, replacing
from apps.ingestion.anchors import anchors_of
from apps.ingestion.chunking import Rule, default_rule
from apps.ingestion.inline import run_jobs
from apps.ingestion.models import IngestionJob
from apps.ingestion.parsers.host import Reading, Watch
from apps.ingestion.parsers.types import Task
from apps.ingestion.strategies import cut
from apps.libraries.models import Chunk, Document, FormerChunks
from apps.libraries.types import Block, ParsedDocument
from apps.runtimes.contracts import Floats
from apps.runtimes.fake import FakeEmbedder, FakeTokenizer
from apps.users.models import User
from tests.ingestion.conftest import Upload

PAGES = 200
WORDS = ("the", "council", "member", "river", "budget", "school", "water", "report", "price", "answer", "train")
BAR = 0.03  # of the chunks may be embedded again when one page of 200 changed


Page = tuple[int, list[str]]  # its number when the book was new, its paragraphs


def page(number: int, seed: int = 0) -> Page:
    """Return a page of six paragraphs of different lengths, made of sentences."""
    chance = random.Random(f"{number}:{seed}")  # noqa: S311 -- a page that is the same each time

    def sentence() -> str:
        return (
            " ".join(chance.choices(WORDS, k=chance.randint(5, 25))).capitalize() + f" {number}.{chance.random():.6f}."
        )

    return number, [" ".join(sentence() for _ in range(chance.randint(2, 7))) for _ in range(6)]


def book(changed: int | None = None) -> list[Page]:
    return [page(number, seed=1 if number == changed else 0) for number in range(PAGES)]


def blocks_of(pages: Sequence[Page], *, headed: bool) -> ParsedDocument:
    blocks: list[Block] = []
    path: tuple[str, ...] = ()
    for number, (first, texts) in enumerate(pages, 1):
        if headed and first % 4 == 1:
            path = (f"Chapter {first // 40}", f"Section {first}")
            blocks.append(Block(path[-1], "heading", number, None, path))
        blocks += [Block(text, page=number, heading_path=path) for text in texts]
    return ParsedDocument(tuple(blocks), pages=len(pages))


class Counting(FakeEmbedder):
    """Counts what it embeds."""

    embedded = 0

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Count, then embed."""
        Counting.embedded += len(texts)
        return super().embed_passages(texts)


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    """Count what is embedded from now on."""
    Counting.embedded = 0
    monkeypatch.setattr("apps.runtimes.registry.embedder", lambda _spec: Counting())
    return Counting


def settle(document: Document) -> None:
    ids = list(document.jobs.filter(state="queued").values_list("pk", flat=True))
    assert {job.state for job in run_jobs(ids)} == {IngestionJob.State.DONE}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "headed"),
    [("replaced", True), ("replaced", False), ("inserted", False), ("removed", True)],
    ids=["replaced, headings", "replaced, no headings", "inserted, no headings", "removed, headings"],
)
def test_one_changed_page_of_200_embeds_at_most_three_percent_again(  # noqa: PLR0913, PLR0917 -- fixtures
    change: str,
    headed: Any,
    upload: Upload,
    embedded: type[Counting],
    monkeypatch: pytest.MonkeyPatch,
    alice: User,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The bar of issue 3; printed with -s."""
    old, new = book(), book(changed=77)
    if change == "inserted":
        new = [*old[:76], page(999), *old[76:]]
    elif change == "removed":
        new = [*old[:76], *old[77:]]

    def read(task: Task, _watch: Watch, **_more: Any) -> Reading:
        pages = old if Path(task.path).read_bytes() == b"old" else new
        return Reading("text", blocks_of(pages, headed=headed), 0.0, 0.0, io.BytesIO())

    monkeypatch.setattr(pipeline, "read", read)
    document = upload("old")
    settle(document)
    before = {row.text: row.pk for row in Chunk.objects.filter(document=document)}
    embedded.embedded = 0

    document.refresh_from_db()
    replacing.replace_upload(user=alice, document=document, file=ContentFile(b"new"))
    settle(document)

    after = {row.text: row.pk for row in Chunk.objects.filter(document=document)}
    kept = sum(before.get(text) == pk for text, pk in after.items())
    share = embedded.embedded / len(after)
    with capsys.disabled():
        print(f" {change}, {headed=}: {embedded.embedded} of {len(after)} chunks embedded again ({share:.2%})")  # noqa: T201
    assert share <= BAR
    assert kept == len(after) - embedded.embedded
    assert FormerChunks.objects.count() == 1
    assert not [found for found in verify() if found.check.startswith(("libraries.", "ingestion."))]


@pytest.mark.parametrize("headed", [True, False])
@pytest.mark.parametrize("overlap", [0, 48])
def test_the_same_text_is_cut_the_same_where_it_was_cut_before(headed: Any, overlap: int) -> None:
    parsed = blocks_of(book(), headed=headed)
    rule = Rule("structure", 320, overlap)
    first = cut(parsed, rule, title="Book", tokenizer=FakeTokenizer())
    anchors = anchors_of(parsed.blocks, [chunk.char_to for chunk in first.chunks])

    assert cut(parsed, rule, title="Book", tokenizer=FakeTokenizer(), anchors=anchors) == first


def test_many_changes_leave_no_tiny_chunks() -> None:
    """Cutting where an earlier version was cut must not cut to shreds."""
    rule = default_rule()
    parsed = blocks_of(book(), headed=False)
    found = cut(parsed, rule, title="Book", tokenizer=FakeTokenizer())
    fresh = len(found.chunks)
    chance = random.Random(3)  # noqa: S311 -- the same each time
    for _round in range(30):
        anchors = anchors_of(parsed.blocks, [chunk.char_to for chunk in found.chunks])
        blocks = list(parsed.blocks)
        for _change in range(20):
            del blocks[chance.randrange(len(blocks))]
            blocks.insert(chance.randrange(len(blocks)), Block(page(chance.randrange(10**6))[1][0]))
        parsed = ParsedDocument(tuple(blocks))
        found = cut(parsed, rule, title="Book", tokenizer=FakeTokenizer(), anchors=anchors)

    again = len(cut(parsed, rule, title="Book", tokenizer=FakeTokenizer()).chunks)
    assert len(found.chunks) <= 1.25 * again
    assert fresh > PAGES
