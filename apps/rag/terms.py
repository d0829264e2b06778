"""What a question asks of the lexical index: its own terms, and those that a library's synonyms add. Plain Python."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from apps.libraries.lexical import WORD_MARK, analyse, analyse_question, fold, units_of
from apps.libraries.wording import Wording, synonym_finder, words_finder
from apps.rag.fusion import inverse_frequency

SYNONYM_WEIGHT = 0.6  # of a synonym's terms beside those that were asked for: docs/adr/0027
MAX_TERMS = 200  # the rarest ones; a question has about 20
MOST_LONE = 3  # characters
MAX_GROUPS = 10  # of synonyms in one question


@dataclass(frozen=True, slots=True)
class Group:
    """Terms of the question that mean the same as each of the alternatives, by the words of a library."""

    sources: tuple[str, ...]
    alternatives: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a question, without repeats, and what its synonyms add."""

    own: tuple[str, ...]
    groups: tuple[Group, ...] = ()

    @property
    def all(self) -> list[str]:
        """Return every term whose statistics are needed."""
        added = (term for group in self.groups for terms in group.alternatives for term in terms)
        return list(dict.fromkeys((*self.own, *added)))

    @property
    def lone(self) -> tuple[str, ...]:
        """Return the characters of a question of nothing but single Han characters: no bigram is made of these."""
        characters = tuple(dict.fromkeys(term.removeprefix(WORD_MARK) for term in self.own))
        is_lone = all(len(each) == 1 and not each.isascii() for each in characters)
        return characters if is_lone and len(characters) <= MOST_LONE else ()

    def with_words(self, words: Sequence[str]) -> "Terms":
        """Return the terms with words of the index that a lone character stands in."""
        groups = []
        for character in self.lone:
            found = tuple((word,) for word in words if character in word and word.removeprefix(WORD_MARK) != character)
            if found:
                groups.append(Group((character, WORD_MARK + character), found))
        return replace(self, groups=(*self.groups, *groups))


@dataclass(frozen=True, slots=True)
class Weights:
    """The weight of each term, its idf; less for synonyms. `most` is what a passage with all of them could sum up.

    `own` is the idf of the question's own terms alone, also of those that synonyms stand in for.
    """

    by_term: Mapping[str, float]
    most: float
    own: Mapping[str, float]


def terms_of(question: str, wordings: Iterable[Wording]) -> Terms:
    """Return the terms of a question, read as each of the libraries' wordings reads it; at least one is given."""
    own: dict[str, None] = {}
    groups: dict[Group, None] = {}
    for wording in dict.fromkeys(wordings):
        own.update(dict.fromkeys(analyse_question(question, words_finder(wording.words))))
        groups.update(dict.fromkeys(_groups(question, wording)))
    return Terms(tuple(own), tuple(groups)[:MAX_GROUPS])


def _groups(question: str, wording: Wording) -> Iterator[Group]:
    if not wording.synonyms:
        return
    finder, others = synonym_finder(wording.synonyms)
    words = words_finder(wording.words)
    folded = fold(question)
    for found in finder.find(folded, units_of(folded)):
        sources = tuple(dict.fromkeys(analyse(folded[found.start : found.end], words)))
        alternatives = (tuple(dict.fromkeys(analyse(other, words))) for other in others[found.key])
        yield Group(sources, tuple(alternatives))


def said_in(texts: Sequence[str], question: str, wordings: Iterable[Wording]) -> str:
    """Return the question with a synonym that the texts have for each term that none of them has."""
    said = question
    for wording in (each for each in wordings if each.synonyms):
        folded = fold(said)
        finder, others = synonym_finder(wording.synonyms)
        places = list(finder.find(folded, units_of(folded)))
        held = fold("\n".join(texts)).casefold() if places else ""
        for place in reversed(places):
            own = folded[place.start : place.end]
            instead = next((each for each in others[place.key] if fold(each).casefold() in held), own)
            if own.casefold() not in held and instead != own:
                said = folded = folded[: place.start] + instead + folded[place.end :]
    return said


def weigh(terms: Terms, in_chunks: Mapping[str, int], chunks: int) -> Weights:
    """Return the weights of a question's terms in libraries of `chunks` chunks, `in_chunks` of them with each term.

    A synonym counts less than what was asked for; but where no chunk has any term of that, the synonyms stand in for
    it: they count in full, and the best of them for what could be reached.
    """
    idf = {term: inverse_frequency(chunks, in_chunks.get(term, 0)) for term in terms.all}
    unknown = [group for group in terms.groups if not any(in_chunks.get(term, 0) for term in group.sources)]
    replaced = {term for group in unknown for term in group.sources}
    own = sorted((term for term in terms.own if term not in replaced), key=lambda term: -idf[term])[:MAX_TERMS]
    weights = {term: idf[term] for term in own}
    most = sum(weights.values()) + sum(_best(group, idf, in_chunks) for group in unknown)
    for group in terms.groups:
        factor = 1.0 if group in unknown else SYNONYM_WEIGHT
        for term in (term for terms_ in group.alternatives for term in terms_):
            weights[term] = max(weights.get(term, 0.0), factor * idf[term])
    asked = sorted(terms.own, key=lambda term: -idf[term])[:MAX_TERMS]
    return Weights(weights, most, {term: idf[term] for term in asked})


def _best(group: Group, idf: Mapping[str, float], in_chunks: Mapping[str, int]) -> float:
    """Return what the best synonym adds, of those that stand in any chunk at all."""
    there = [terms for terms in group.alternatives if all(in_chunks.get(term, 0) for term in terms)]
    return max((sum(idf[term] for term in terms) for terms in there or group.alternatives), default=0.0)
