"""BM25's statistics stay what a count from scratch gives, whatever comes and goes."""

import random
import threading
from collections import Counter

import pytest
from django.db import connection, connections, transaction

from apps.libraries.invariants import term_statistics_are_as_counted
from apps.libraries.lexical import MAX_TERM_COUNT, analyse
from apps.libraries.lexical_store import forget_chunks, index_chunks, lexeme, weights_of
from apps.libraries.models import Chunk, Library, LibraryStatistics, TermStatistics
from apps.libraries.types import passage_text
from tests.factories import ChunkFactory, DocumentFactory, LibraryFactory

TEXT = "水 沸腾 处理器 速度 KB-1042 GB/T running water boils the it's c++ o'b\\x 五月艾 2024 测试 数据库 图书馆"
WORDS = TEXT.split()


def insert(library: Library, texts: list[str], title: str = "手册") -> list[Chunk]:
    document = DocumentFactory(library=library)
    chunks = [ChunkFactory.build(document=document, ordinal=n, text=text) for n, text in enumerate(texts)]
    for chunk in chunks:
        chunk.team, chunk.library, chunk.version = library.team, library, document.current_version
    with transaction.atomic():
        index_chunks(library.pk, chunks, title=title)
        Chunk.objects.bulk_create(chunks)
    return chunks


def remove(library: Library, chosen: list[Chunk]) -> None:
    with transaction.atomic():
        chunks = Chunk.objects.filter(pk__in=[chunk.pk for chunk in chosen], library=library)
        forget_chunks(chunks)
        chunks.delete()


def stored(library: Library) -> tuple[int, int, dict[str, int]]:
    totals = LibraryStatistics.objects.get(library=library)
    terms = TermStatistics.objects.filter(library=library).values_list("term", "chunks")
    return totals.chunks, totals.occurrences, dict(terms)


def counted(library: Library, title: str = "手册") -> tuple[int, int, dict[str, int]]:
    texts = [analyse(passage_text(title, c.heading_path, c.text)) for c in Chunk.objects.filter(library=library)]
    return len(texts), sum(map(len, texts)), dict(Counter(term for terms in texts for term in set(terms)))


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_it_counts_as_from_scratch_after_random_changes(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    library, other = LibraryFactory(), LibraryFactory()
    alive = insert(other, ["water boils"])
    mine: list[Chunk] = []
    for _ in range(25):
        if mine and rng.random() < 0.4:
            going = rng.sample(mine, rng.randint(1, len(mine)))
            remove(library, going)
            mine = [chunk for chunk in mine if chunk not in going]
        else:
            mine += insert(
                library, [" ".join(rng.choices(WORDS, k=rng.randint(0, 30))) for _ in range(rng.randint(1, 6))]
            )

    assert stored(library) == counted(library)
    assert stored(other) == counted(other)
    assert Chunk.objects.filter(pk__in=[chunk.pk for chunk in alive]).count() == 1


@pytest.mark.django_db
def test_the_invariant_sees_wrong_counts() -> None:
    library = LibraryFactory()
    insert(library, ["water boils", "water"])
    assert term_statistics_are_as_counted() == []

    TermStatistics.objects.filter(library=library, term="water").update(chunks=7)
    LibraryStatistics.objects.filter(library=library).update(chunks=3)

    assert len(term_statistics_are_as_counted()) == 2


@pytest.mark.django_db
def test_it_leaves_nothing_behind_when_the_last_chunk_goes() -> None:
    library = LibraryFactory()
    remove(library, insert(library, ["水的沸腾", "water"]))

    assert stored(library) == (0, 0, {})


@pytest.mark.django_db
def test_it_forgets_chunks_of_two_libraries_at_once() -> None:
    first, second = LibraryFactory(), LibraryFactory()
    insert(first, ["water"])
    insert(second, ["water", "fire"])

    with transaction.atomic():
        forget_chunks(Chunk.objects.all())
        Chunk.objects.all().delete()

    assert stored(first) == stored(second) == (0, 0, {})


@pytest.mark.django_db(transaction=True)
def test_it_survives_writers_of_the_same_terms_at_the_same_time() -> None:
    library = LibraryFactory()
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311
        try:
            for _ in range(6):
                chunks = insert(library, [" ".join(rng.sample(WORDS, len(WORDS)))])
                if rng.random() < 0.5:
                    remove(library, chunks)
        except Exception as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert stored(library) == counted(library)


@pytest.mark.django_db
def test_it_tags_the_lexemes_with_their_library() -> None:
    library = LibraryFactory()
    (chunk,) = insert(library, ["o'b\\x 沸腾"])

    with connection.cursor() as cursor:
        cursor.execute("SELECT tsvector_to_array(terms) FROM libraries_chunk WHERE id = %s", [chunk.pk])
        lexemes = set(cursor.fetchone()[0])

    assert {lexeme(library.pk, "沸腾"), lexeme(library.pk, "x")} <= lexemes


@pytest.mark.django_db
def test_it_stores_a_chunk_of_more_terms_than_a_sparsevec_holds() -> None:
    library = LibraryFactory()
    (chunk,) = insert(library, [" ".join(f"word{number}" for number in range(20_000))])

    assert Chunk.objects.get(pk=chunk.pk).term_count >= MAX_TERM_COUNT
    assert TermStatistics.objects.filter(library=library).count() == MAX_TERM_COUNT


def test_it_weighs_a_term_more_in_a_shorter_text_and_never_without_bound() -> None:
    short = weights_of({"water": 2}, length=10, average=100).values()[0]
    long = weights_of({"water": 2}, length=400, average=100).values()[0]
    many = weights_of({"water": 10_000}, length=10_000, average=100).values()[0]

    assert long < short < 2.2
    assert many < 2.2
