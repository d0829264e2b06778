"""What happens between the evidence of both legs and the passages."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from apps.rag import ranking
from apps.rag.fusion import Evidence, Scale
from apps.rag.options import SearchOptions
from apps.rag.ranking import Candidate, Ranked

TODAY = date(2026, 5, 4)
SCALE = Scale(cosine_floor=0.7, bm25_ceiling=20.0)
PLAIN = SearchOptions()


def candidate(
    chunk: int, *, cosine: float = 0.8, bm25: float = 0.0, document: int = 0, name: str = "notes.txt", days: int = 0
) -> Candidate:
    return Candidate(
        Evidence(UUID(int=chunk), cosine, bm25), UUID(int=document or chunk), name, TODAY - timedelta(days=days)
    )


def ranked(*candidates: Candidate, options: SearchOptions = PLAIN) -> list[Ranked]:
    return ranking.rank(candidates, SCALE, options, today=TODAY)


def chunks(entries: list[Ranked]) -> list[int]:
    return [entry.chunk_id.int for entry in entries]


def texts(**by_chunk: str) -> dict[UUID, str]:
    return {UUID(int=int(name.removeprefix("c"))): text for name, text in by_chunk.items()}


def test_it_says_what_a_score_is_made_of() -> None:
    (entry,) = ranked(candidate(1, cosine=0.91, bm25=10))

    assert entry.parts == {"vectors": pytest.approx(0.75 * 0.7), "words": pytest.approx(0.25 * 0.5)}
    assert entry.score == pytest.approx(sum(entry.parts.values()))


@pytest.mark.parametrize(("legs", "first"), [("dense", 1), ("lexical", 2)])
def test_it_ranks_by_one_leg_alone(legs: str, first: int) -> None:
    options = SearchOptions(legs=legs)  # type: ignore[arg-type]  # the parameters are its literals

    assert chunks(ranked(candidate(1, cosine=0.95), candidate(2, cosine=0.75, bm25=18), options=options))[0] == first


def test_it_prefers_the_younger_of_two_alike() -> None:
    old, young = candidate(1, cosine=0.85, days=2_000), candidate(2, cosine=0.84, days=3)

    assert chunks(ranked(old, young)) == [1, 2]
    assert chunks(ranked(old, young, options=SearchOptions(freshness=0.2))) == [2, 1]


def test_it_counts_a_year_as_half_as_fresh() -> None:
    options = SearchOptions(freshness=0.4)
    today, year, tomorrow = (ranked(candidate(1, days=days), options=options)[0] for days in (0, 365, -1))

    assert (today.parts["freshness"], year.parts["freshness"]) == (pytest.approx(0.4), pytest.approx(0.2))
    assert tomorrow.parts["freshness"] == pytest.approx(0.4)  # never more than fresh


def test_it_lifts_the_document_that_a_good_passage_names() -> None:
    found = ranked(
        candidate(1, cosine=0.92, name="Neighbours.pdf"),
        candidate(2, cosine=0.88, name="Home and Away.pdf"),
        candidate(3, cosine=0.86, name="Reg Watson (writer).pdf"),
    )
    said = texts(c1="Neighbours is a serial by Reg Watson.", c2="Home and Away is another.", c3="He was born in 1926.")

    lifted = ranking.linked(found, said, PLAIN)

    assert chunks(lifted) == [1, 3, 2]
    assert lifted[1].parts["links"] > 0
    assert chunks(ranking.linked(found, said, SearchOptions(links=0.0))) == [1, 2, 3]


def test_it_puts_what_the_rerank_model_likes_first_and_what_it_did_not_read_last() -> None:
    found = ranked(candidate(1, cosine=0.9), candidate(2, cosine=0.89), candidate(3, cosine=0.88))

    again = ranking.reranked(found, [0.1, 0.9])

    assert chunks(again) == [2, 1, 3]
    assert [entry.rerank for entry in again] == [0.9, 0.1, None]
    assert again[0].parts["rerank"] == pytest.approx(ranking.RERANK_SHARE * 0.9)
    assert ranking.reranked(found, []) == found


def test_it_puts_repeats_last() -> None:
    found = ranked(candidate(1, cosine=0.9), candidate(2, cosine=0.9), candidate(3, cosine=0.8))
    said = texts(c1="Leave has to be asked for in writing.", c2="Leave has to be  asked for in WRITING", c3="Else.")

    assert chunks(ranking.arranged(found, said, "How is leave asked for?", PLAIN)) == [1, 3, 2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Each employee of the plant has 15 days of leave", "Each employee of the plant has 16 days of leave"),
        ("每位员工每年有十五天带薪年假, 由北京分部批准", "每位员工每年有十五天带薪年假, 由上海分部批准"),
        ("The Alpha pump is checked once a month", "The Beta pump is checked once a month"),
    ],
    ids=["number", "zh-name", "en-name"],
)
def test_it_keeps_what_differs_in_a_number_or_in_what_was_asked_for(one: str, other: str) -> None:
    found = ranked(candidate(1, cosine=0.9), candidate(2, cosine=0.9), candidate(3, cosine=0.8))
    padded = (" and so on, as it was agreed upon by all of the people who were asked about it" * 3, "等等" * 40)
    tail = padded[1] if "\u4e00" <= one[0] <= "\u9fff" else padded[0]
    question = "Who checks the beta pump? 上海分部呢"

    assert chunks(ranking.arranged(found, texts(c1=one + tail, c2=other + tail, c3="x"), question, PLAIN)) == [1, 2, 3]


def test_it_mixes_documents_the_more_the_more_variety_is_asked_for() -> None:
    found = ranked(
        candidate(1, cosine=0.95, document=9),
        candidate(2, cosine=0.94, document=9),
        candidate(3, cosine=0.93, document=9),
        candidate(4, cosine=0.80, document=8),
    )

    def order(diversity: float) -> list[int]:
        return chunks(ranking.arranged(found, {}, "", replace(PLAIN, diversity=diversity)))

    assert order(0) == [1, 2, 3, 4]
    assert order(0.5) == [1, 2, 4, 3]
    assert order(1) == [1, 4, 2, 3]


def test_it_leaves_out_what_scores_too_little() -> None:
    found = ranked(candidate(1, cosine=0.9), candidate(2, cosine=0.75))

    assert chunks(ranking.arranged(found, {}, "", SearchOptions(threshold=0.3))) == [1]
