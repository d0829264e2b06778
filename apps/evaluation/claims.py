"""Claims that are true of a passage and claims that are not, made from questions with known answers.

True ones are sentences of the passage, their compressions and rearrangements, and the question put as a statement with
its answer. False ones are the same with a number, a name or the negation altered, with another answer, or of another
passage. Everything is drawn by a seed, so a run can be repeated.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.evaluation.sets import EvaluationSet, Question
from apps.rag.grounding import names_of
from apps.rag.overlap import terms
from apps.rag.sentences import split

WINDOW = 900  # characters of a passage
FEWEST_TERMS = 6  # of a sentence that claims something
LONGEST_ANSWER = 60  # characters
LIKE_LENGTH = 12  # characters by which a wrong answer may differ in length

_NUMBER = re.compile(r"\d+")
_CLAUSE = re.compile(r"[,，;；、]")
_ASKING_ZH = re.compile(
    r"什么时候|什么地方|什么|谁|哪一?[年月日天个些位种座部支家所届国]?|多少|几[年月日个位次]?|为什么|为何|怎么样?|如何|何[时地人种]"
)
_ASKING_EN = re.compile(
    r"^(?:(?:in|at|on|for|by|to|from) )?(?:how (?:many|much|long|old|far)|what|which|whom?|whose|when|where|why|how)\b"
    r"(?: (?:is|are|was|were|did|does|do|has|have|had|can|could|will|would)\b)?",
    re.IGNORECASE,
)
_IS_EN = re.compile(r"\b(is|are|was|were|has|have|had|can|could|will|would|does|did|do)\b(?! not)")
_NOT_EN = re.compile(r"\b(is|are|was|were|has|have|had|can|could|will|would|does|did|do) not\b")
_IS_ZH = re.compile(r"(?<![不总就但还可若凡只于])(是|有|能|会|可以|属于|位于|成为|曾)")
_NOT_ZH = re.compile(r"不(是|能|会|可以|属于)|没有")
_HAN = re.compile(r"[\u3400-\u9fff]")
_HAN_NAME = re.compile(r"[\u3400-\u9fff]{2,6}")


@dataclass(frozen=True, slots=True)
class Case:
    """A claim about a passage; `kind` says how it was made."""

    question: str
    passage: str
    title: str
    claim: str
    is_true: bool
    kind: str


def cases(evaluation: EvaluationSet, *, seed: int = 7, most: int = 300) -> Iterator[Case]:
    """Yield the cases of up to `most` questions, one of each kind that can be made."""
    chance = random.Random(seed)  # noqa: S311 -- a draw that can be repeated, nothing secret
    texts = {source.id: source for source in evaluation.sources}
    questions = [each for each in evaluation.questions if each.gold and each.answers]
    chance.shuffle(questions)
    pool = _Pool(evaluation, chance)
    for question in questions[:most]:
        source = texts[question.gold[0]]
        passage = _window(source.text, question)
        if passage:
            for claim, is_true, kind in _claims(question, passage, pool, chance):
                yield Case(question.text, passage, source.title, claim, is_true, kind)


class _Pool:
    """Names, numbers, answers and sentences of the whole set, to alter claims with."""

    def __init__(self, evaluation: EvaluationSet, chance: random.Random) -> None:
        self.answers = [
            answer for each in evaluation.questions for answer in each.answers if len(answer) < LONGEST_ANSWER
        ]
        self.names = sorted({name for each in evaluation.sources[:400] for name in names_of(each.text[:WINDOW])})
        some = chance.sample(evaluation.sources, min(len(evaluation.sources), 400))
        self.sentences = [
            sentence.text
            for source in some
            for sentence in split(source.text[: 2 * WINDOW])
            if len(set(terms(sentence.text))) >= FEWEST_TERMS
        ]
        self.terms = [frozenset(terms(sentence)) for sentence in self.sentences]

    def near(self, passage: str, chance: random.Random) -> str:
        """Return a sentence of another passage that shares many words with this one."""
        held = frozenset(terms(passage))
        places = [place for place, text in enumerate(self.sentences) if text not in passage]
        places.sort(key=lambda place: -len(self.terms[place] & held) / (len(self.terms[place]) + 3))
        return self.sentences[chance.choice(places[:5])] if places else ""


def _window(text: str, question: Question) -> str:
    """Return the part of a long text that holds the answer."""
    for answer in question.answers:
        at = text.find(answer)
        if at >= 0:
            start = max(0, at - WINDOW // 2)
            return text[start : start + WINDOW]
    return text[:WINDOW] if len(text) <= 2 * WINDOW else ""


def _claims(question: Question, passage: str, pool: _Pool, chance: random.Random) -> Iterator[tuple[str, bool, str]]:
    answer = min(question.answers, key=len)
    for text, kind in _true(question, answer, passage, chance):
        if not text:
            continue
        yield text, True, kind
        for altered, how in _altered(text, passage, pool, chance):
            if altered and altered != text:
                yield altered, False, how
    wrong = _other_answer(answer, passage, pool, chance)
    if wrong:
        yield _stated(question.text, wrong), False, "wrong answer"
    yield pool.near(passage, chance), False, "near passage"
    yield chance.choice(pool.sentences), False, "any passage"


def _true(question: Question, answer: str, passage: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    sentences = [each.text for each in split(passage)[1:-1] or split(passage)]
    sentences = [text for text in sentences if len(set(terms(text))) >= FEWEST_TERMS]
    if sentences:
        chosen = chance.choice(sentences)
        yield chosen, "verbatim"
        yield _compressed(chosen, chance), "clause"
        yield _turned(chosen), "reordered"
    if len(sentences) > 1:
        place = chance.randrange(len(sentences) - 1)
        yield _joined(sentences[place], sentences[place + 1]), "joined"
    if len(answer) < LONGEST_ANSWER and answer in passage:
        yield _stated(question.text, answer), "answer"


def _altered(text: str, passage: str, pool: _Pool, chance: random.Random) -> Iterator[tuple[str, str]]:
    yield _other_number(text, passage, chance), "number"
    yield _other_name(text, passage, pool, chance), "name"
    yield _denied(text), "negation"


def _other_number(text: str, passage: str, chance: random.Random) -> str:
    found = list(_NUMBER.finditer(text))
    if not found:
        return ""
    match = chance.choice(found)
    others = [number for number in _NUMBER.findall(passage) if number != match[0] and len(number) == len(match[0])]
    wrong = chance.choice(others) if others and chance.random() < 0.5 else str(int(match[0]) + chance.randint(1, 9))  # noqa: PLR2004
    return text[: match.start()] + wrong + text[match.end() :]


def _other_name(text: str, passage: str, pool: _Pool, chance: random.Random) -> str:
    names = sorted(names_of(text)) or ([chance.choice(_HAN_NAME.findall(text))[:3]] if _HAN_NAME.findall(text) else [])
    if not names:
        return ""
    old = chance.choice(names)
    inside = sorted(names_of(passage) - names_of(text))
    others = inside if inside and chance.random() < 0.5 else pool.names or pool.answers  # noqa: PLR2004
    fitting = [name for name in others if name not in text and bool(_HAN.search(name)) == bool(_HAN.search(old))]
    return text.replace(old, chance.choice(fitting)) if fitting else ""


def _denied(text: str) -> str:
    """Return the sentence with one negation more or less, unchanged where it has no verb that is known here."""
    for pattern in (_NOT_EN, _NOT_ZH):
        if pattern.search(text):
            return pattern.sub(lambda match: match[1] or "有", text, count=1)
    if _HAN.search(text):
        return _IS_ZH.sub(lambda match: "没有" if match[1] in {"有", "曾"} else "不" + match[1], text, count=1)
    return _IS_EN.sub(r"\1 not", text, count=1)


def _other_answer(answer: str, passage: str, pool: _Pool, chance: random.Random) -> str:
    others = [
        each
        for each in pool.answers
        if each not in passage and answer not in each and abs(len(each) - len(answer)) < LIKE_LENGTH
    ]
    return chance.choice(others) if others else ""


def _compressed(text: str, chance: random.Random) -> str:
    """Return the sentence without one of its clauses, "" where it has too few."""
    clauses = _CLAUSE.split(text)
    if len(clauses) < 3:  # noqa: PLR2004
        return ""
    del clauses[chance.randrange(1, len(clauses) - 1)]
    return ("，" if _HAN.search(text) else ",").join(clauses)


def _turned(text: str) -> str:
    first, comma, rest = text.partition("，" if _HAN.search(text) else ", ")
    return f"{rest.rstrip('.。')}{comma}{first}" if len(rest) > len(first) else ""


def _joined(one: str, two: str) -> str:
    return f"{one.rstrip('.。')}，{two}" if _HAN.search(one) else f"{one.rstrip('.')}, and {two}"


def _stated(question: str, answer: str) -> str:
    """Return the question as a statement with the answer in the place of what it asks for."""
    question = question.strip().rstrip("?？。.")
    if _HAN.search(question):
        stated = _ASKING_ZH.sub(lambda _match: answer, question, count=1)
        return stated if stated != question else f"{question}：{answer}"
    stated = _ASKING_EN.sub("", question).strip()
    return f"{stated}: {answer}" if stated != question else f"{question} {answer}"


def kinds_of(found: Sequence[Case]) -> list[tuple[str, bool]]:
    """Return each kind once, the true ones first."""
    return sorted({(case.kind, case.is_true) for case in found}, key=lambda each: (not each[1], each[0]))
