"""The evaluation command: real ingestion into a scratch team that is gone afterwards."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.evaluation import scratch as scratching
from apps.evaluation.ranking_metrics import ndcg, recall_at, reciprocal_rank
from apps.evaluation.scratch import NAME_PREFIX, file_name, remove_abandoned, scratch_library
from apps.evaluation.sets import SetUnreadable, Source, load
from apps.ingestion.models import IngestionJob
from apps.libraries.models import Chunk, Document, Library, TermStatistics
from apps.users.models import Team
from tests.factories import AIModelFactory

KEYS = {
    "docs", "chunks", "queries", "recall_at_1", "recall_at_5", "recall_at_10", "mrr_at_10", "ndcg_at_10",
    "ingest_seconds", "search_p50_ms", "search_p95_ms",
}  # fmt: skip
CORPUS = [
    {"id": "a", "title": "Water", "text": "Water boils at 100 degrees."},
    {"id": "b", "title": "", "text": "五月艾是菊科蒿属的植物。"},
    {"id": "c", "title": "GB/T 7714", "text": "References are numbered."},
    {"id": "d", "title": "", "text": ""},
    {"id": "e", "title": "Twin", "text": "Water boils at 100 degrees."},
]
QUERIES = [
    {"id": "1", "text": "When does water boil?", "gold": ["a"], "answers": ["100 degrees"]},
    {"id": "2", "text": "什么是五月艾？", "gold": ["b"], "answers": []},
    {"id": "3", "text": "Who won?", "gold": [], "answers": []},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in (("corpus", CORPUS), ("queries", QUERIES)):
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines + "\n")
    return tmp_path


def nothing_left() -> bool:
    models = (Team, Library, Document, Chunk, TermStatistics, IngestionJob)
    return not any(model.objects.exists() for model in models)


def stored_files(settings: Any) -> set[Path]:
    return {path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


@pytest.mark.django_db(transaction=True)
def test_it_prints_one_object_and_leaves_nothing(folder: Path, settings: Any) -> None:
    AIModelFactory()
    before = stored_files(settings)
    out = StringIO()

    call_command("evaluate_retrieval", str(folder), "--json", stdout=out)

    report = json.loads(out.getvalue())
    assert set(report) >= KEYS
    assert (report["docs"], report["queries"]) == (5, 3)
    assert report["recall_at_5"] == report["ndcg_at_10"] == 1.0
    assert nothing_left()
    assert stored_files(settings) == before  # other tests of this process have left theirs


@pytest.mark.django_db(transaction=True)
def test_it_removes_the_team_when_it_is_stopped() -> None:
    AIModelFactory()

    with pytest.raises(KeyboardInterrupt), scratch_library([Source("a", "Water", "Water boils.")]):
        raise KeyboardInterrupt

    assert nothing_left()


@pytest.mark.django_db(transaction=True)
def test_it_removes_what_a_killed_run_left(monkeypatch: pytest.MonkeyPatch) -> None:
    AIModelFactory()
    Team.objects.create(name=f"{NAME_PREFIX}of a dead process")
    kept = Team.objects.create(name="Real people")

    with scratch_library([]) as mine:
        monkeypatch.setattr(scratching, "_hold", lambda team: team != mine.team)  # locks of one session are re-entrant
        assert remove_abandoned() == 0

    assert list(Team.objects.all()) == [kept]


@pytest.mark.django_db(transaction=True)
def test_it_counts_entries_of_the_same_bytes_as_one_document() -> None:
    AIModelFactory()
    twins = [Source("a", "Water", "Water boils."), Source("e", "Twin", "Water boils.")]

    with scratch_library(twins) as scratch:
        assert list(scratch.sources.values()) == [["a", "e"]]


@pytest.mark.parametrize("text", ["{", "[]", '{"id": "a"}'])
def test_it_says_which_line_is_wrong(tmp_path: Path, text: str) -> None:
    (tmp_path / "corpus.jsonl").write_text(text)

    with pytest.raises(SetUnreadable, match=r"corpus\.jsonl, line 1"):
        load(tmp_path)


@pytest.mark.django_db
def test_it_fails_with_one_sentence_for_a_folder_without_a_set(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("evaluate_retrieval", str(tmp_path))


def test_it_names_files_by_title_and_never_by_path() -> None:
    assert file_name("GB/T 7714") == "GB T 7714.txt"
    assert file_name("../..\\etc") == ".. .. etc.txt"
    assert file_name("") == "untitled.txt"


def test_it_scores_rankings() -> None:
    ranking = ["x", "a", "y", "b"]

    assert recall_at(ranking, ["a", "b"], 2) == 0.5
    assert reciprocal_rank(ranking, ["a"]) == 0.5
    assert ndcg(["a", "b"], ["a", "b"]) == 1.0
    assert 0.6 < ndcg(ranking, ["a", "b"]) < 0.7
    assert ndcg(ranking, ["z"]) == reciprocal_rank(ranking, ["z"]) == 0.0
