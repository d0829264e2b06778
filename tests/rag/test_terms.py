"""A question's own terms and what synonyms add to them."""

import pytest

from apps.libraries.lexicons import forget
from apps.libraries.models import Lexicon
from apps.libraries.wording import PLAIN, Wording
from apps.rag.options import SearchOptions
from apps.rag.search import search
from apps.rag.terms import SYNONYM_WEIGHT, said_in, terms_of, weigh
from tests.factories import LibraryFactory
from tests.rag.corpus import fill, scope_of, tools

WORDS = Wording(("云雀平台",), (("退货", "退款", "return"), ("笔记本", "laptop computer")))


def test_a_plain_question_has_its_own_terms() -> None:
    terms = terms_of("how to return goods", [PLAIN])

    assert terms.groups == ()
    assert terms.all == list(terms.own)


@pytest.mark.parametrize(
    ("question", "added"),
    [
        pytest.param("怎么退货", {"退款", "return"}, id="Chinese to both languages"),
        pytest.param("RETURNS of goods", {"退货", "退款"}, id="English, another form, to Chinese"),
        pytest.param("退貨", {"退款", "return"}, id="traditional writing"),
        pytest.param("笔记本维修", {"laptop", "comput"}, id="to several words"),
        pytest.param("Laptop computers", {"笔记", "记本", "=笔记本"}, id="from several words"),
        pytest.param("laptop", set(), id="a part of a term is not the term"),
        pytest.param("退", set(), id="neither is a character of it"),
    ],
)
def test_synonyms_add_terms(question: str, added: set[str]) -> None:
    terms = terms_of(question, [WORDS])

    assert {term for group in terms.groups for each in group.alternatives for term in each} == added


def test_several_libraries_read_a_question_each_in_their_words() -> None:
    terms = terms_of("云雀平台退货", [PLAIN, WORDS])

    assert "=云雀平台" in terms.own
    assert len(terms.groups) == 1


def test_a_synonym_counts_less_than_what_was_asked_for() -> None:
    terms = terms_of("退货", [WORDS])

    weights = weigh(terms, {"退货": 5, "退款": 5, "return": 5}, 100)

    assert weights.by_term["退款"] == pytest.approx(SYNONYM_WEIGHT * weights.by_term["退货"])
    assert weights.most == pytest.approx(weights.by_term["退货"])


def test_synonyms_stand_in_for_a_word_that_no_passage_has() -> None:
    terms = terms_of("退货 流程", [WORDS])

    weights = weigh(terms, {"退款": 5, "return": 9, "流程": 5}, 100)

    assert "退货" not in weights.by_term
    assert weights.by_term["退款"] == pytest.approx(weights.by_term["流程"])
    assert weights.most == pytest.approx(weights.by_term["退款"] + weights.by_term["流程"])


def test_a_synonym_that_no_passage_has_is_not_waited_for() -> None:
    terms = terms_of("退货", [WORDS])

    weights = weigh(terms, {"退款": 9}, 100)

    assert weights.most == pytest.approx(weights.by_term["退款"])
    assert set(weights.own) == set(terms.own)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        pytest.param("怎么退货？", "怎么退款?", id="as the passages have it"),
        pytest.param("退款要多久？", "退款要多久？", id="asked as they have it"),
        pytest.param("Is a Laptop Computer insured?", "Is a Laptop Computer insured?", id="no passage has any"),
        pytest.param("How do I get a RETURN?", "How do I get a 退款?", id="across languages"),
    ],
)
def test_a_question_is_said_in_the_words_of_the_passages(question: str, said: str) -> None:
    assert said_in(["退款须在十四天内提出。"], question, [PLAIN, WORDS]) == said


@pytest.mark.django_db
def test_a_synonym_supports_a_question_like_the_word_itself() -> None:
    library = LibraryFactory()
    fill(library, ["退款须在十四天内提出。", "食堂中午开门。", "会议室在三楼。"])
    plain = search(scope_of(library), "退款，何时提出", k=3, tools=tools())
    words = (("退货", "退款", "refund", "money back"),)
    Lexicon.objects.create(library=library, synonyms=[list(group) for group in words], digest=Wording((), words).digest)
    forget(library.pk)

    same = search(scope_of(library), "退款，何时提出", k=3, tools=tools())
    other = search(scope_of(library), "退货，何时提出", k=3, tools=tools())

    assert same.signs["coverage"] == pytest.approx(plain.signs["coverage"])
    assert other.signs["coverage"] == pytest.approx(plain.signs["coverage"])
    assert other.said == "退款,何时提出"


@pytest.mark.django_db
def test_a_synonym_finds_the_passage_of_its_library_alone() -> None:
    mine, other = LibraryFactory(), LibraryFactory()
    other.team = mine.team
    other.save()
    wanted = fill(mine, ["退款须在十四天内提出。", "食堂中午开门。"])
    fill(other, ["食堂晚上开门。"])
    Lexicon.objects.create(library=mine, synonyms=[["退货", "退款"]], digest=Wording((), (("退货", "退款"),)).digest)
    forget(mine.pk)

    found = search(scope_of(mine, other), "退货", k=5, options=SearchOptions(legs="lexical"), tools=tools())

    assert found.passages[0].chunk_id == wanted[0].pk
    assert found.passages[0].matched_terms == ("退款",)


@pytest.mark.django_db
@pytest.mark.parametrize("question", ["税", "税？", "税怎么样"])
def test_a_single_character_finds_the_words_it_stands_in(question: str) -> None:
    library = LibraryFactory()
    chunks = fill(library, ["增值税须按月申报。", "食堂中午开门。", "关于税率的说明。"])

    found = search(scope_of(library), question, k=5, options=SearchOptions(legs="lexical"), tools=tools())

    assert {passage.chunk_id for passage in found.passages} == {chunks[0].pk, chunks[2].pk}


@pytest.mark.parametrize("question", ["税率", "税 rate", "a", "一 二 三 四"])
def test_other_questions_are_not_widened(question: str) -> None:
    assert terms_of(question, [PLAIN]).lone == ()
