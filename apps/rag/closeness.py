"""Whether two questions ask for the same, so that the answer to one is the answer to the other. Plain Python.

A cosine cannot tell: "the 2023 budget" is nearer to "the 2024 budget" than most paraphrases are to each other. So the
vectors only propose, and the words decide: numbers, codes, names, negation, opposites and the kind of answer asked for
must agree, and every word that stands on one side alone needs a counterpart on the other, by a list of synonyms or by
the cosine of the two words. Measured by `manage.py evaluate_closeness` (docs/adr/0026).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from apps.libraries.lexical import fold, segment
from apps.rag import question_words as words_of
from apps.rag.fusion import language_of
from apps.rag.overlap import terms
from apps.rag.types import Language
from apps.runtimes.contracts import Floats

Kind = Literal["when", "who", "where", "why", "how", "amount", "often", "choice", "what", "meaning"]
Embed = Callable[[Sequence[str]], Floats]

ALIKE = frozenset((frozenset(("what", "amount")), frozenset(("what", "meaning"))))  # kinds that one answer may serve

# Nearness is the cosine on a scale where unrelated texts have about 0 (scales.cosine_floor) and equal ones 1. The
# values are those of multilingual-e5-small, whose floor is 0.7: cosines of 0.93 and 0.945.
LEAST_NEARNESS = 0.767  # of the questions
LEAST_WORD_NEARNESS = 0.817  # of two words that are to mean the same
KIN_GAIN = 0.15  # added to the nearness of forms of one word
KIN_LETTERS = 4  # that such forms share at their beginning
MOST_WORDS = 24  # of one question that are compared; longer ones are no questions
HAN = re.compile(r"[\u3400-\u9fff]")

_HAN = r"\u3400-\u9fff"
_TOKEN = re.compile(
    rf"[{_HAN}]+"
    r"|(?:[A-Za-z]{1,8}[-/]?|\b[A-Z]{2,5} (?=\d{3}))\d[A-Za-z\d]*(?:[-.][A-Za-z\d]+)*"
    r"|\d+(?:[.,:/-]\d+)*(?:st|nd|rd|th)?"
    rf"|[^\W\d_{_HAN}]+(?:-[^\W\d_{_HAN}]+)*"
)
_CODE = re.compile(r"([A-Za-z]+)[-/ ]?(\d.*)")
_EN_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("often", re.compile(r"\bhow (?:often|frequently)\b|\bhow many times\b")),
    ("amount", re.compile(r"\bhow (?:many|much|long|far|old|big|large|high|wide|heavy|fast|tall)\b"
                          r"|\bwhat (?:number|amount|size|length)\b")),
    ("how", re.compile(r"\bwhat (?:should|do|must|can) (?:i|we|you) do\b")),
    ("when", re.compile(r"(?:^|[,;:] *|\b(?:and|by|since|until|from|know|tell me|on) )when\b|\bwhen\W*$"
                        r"|\bwhat (?:time|date|day|year)\b|\bdeadline\b|\b(?:end|start) date\b")),
    ("who", re.compile(r"\bwho(?:m|se)?\b|\b(?:which|what) (?:person|people|team|company)\b")),
    ("where", re.compile(r"\bwhere\b|\b(?:which|what) (?:place|address|location)\b")),
    ("why", re.compile(r"\bwhy\b|\bwhat (?:is|are|was|were) the reasons?\b")),
    ("how", re.compile(r"\bhow\b")),
    ("meaning", re.compile(r"^\W*what(?: is|'s| are) (?!the |my |our |your |this |that )|\bmean\b")),
    ("what", re.compile(r"\bwhat\b|\bwhich\b")),
    ("choice", re.compile(r"^\W*(?:is|are|am|was|were|do|does|did|can|could|may|might|must|should|will|would|shall"
                          r"|has|have|had)\b")),
)  # fmt: skip
_ZH_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("often", re.compile("多久.{0,6}一次|几天一次|多长时间.{0,4}一次|频率")),
    ("when", re.compile("什么时[候间]|何时|几点|几月|几号|哪[天年月]|截止日期|多久之?[前后]|.期是(?:什么|哪)")),
    ("why", re.compile("为什么|为何|原因")),
    ("who", re.compile("谁|哪些人|哪位|什么人|何人")),
    ("where", re.compile("哪里|哪儿|在哪|何处|什么地方|何地")),
    ("amount", re.compile("多少|多[长久大高重远快]|几[^乎]|月费|年费|上限是")),
    ("how", re.compile("怎么|如何|怎样|咋")),
    ("choice", re.compile("吗|是否|能否|可否|([\u4e00-\u9fff])[不没]\\1")),
    ("meaning", re.compile("^\\W*什么[是叫]|是什么意思|什么含义|何谓")),
    ("what", re.compile("什么|哪|何")),
)
_ZH_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_ZH_NUMBER = re.compile(
    "第?([〇零一二三四五六七八九十百千两]+)(?=[年月日号天个次名位人岁点季周级期条章节页倍元块小届度])"
    "|(?<=[周期拜第])([一二三四五六日天])"
)
# What stands before a word and only counts, asks for or negates it.
_ZH_COUNTING = re.compile("^(?:[不没未无]|多少|几|哪[些个位种年天月]?|每一?(?=[^年月周天日季])|这|那|第)+")
_ZH_MODALS = "能可要会是有该应肯想愿"
_ZH_YEAR = re.compile("[〇零一二三四五六七八九]{2,}")
_LONGEST_FIRST = sorted((phrase for phrase in words_of.SAME if " " in phrase), key=len, reverse=True)
_EN_PHRASES = re.compile("|".join(rf"\b{phrase}\b" for phrase in _LONGEST_FIRST))
_QUARTER = re.compile(r"\b([qh])([1-4])\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """A question as it is compared. `words` are what it is about, as they stand; `names` those that name something."""

    language: Language
    kind: Kind
    is_negated: bool
    particles: frozenset[str]  # of English verbs: to move out is not to move in
    numbers: tuple[str, ...]
    codes: frozenset[str]
    words: tuple[str, ...]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the questions are the same, how sure that is (0..1), and the first thing that spoke against it."""

    is_same: bool
    likeness: float
    against: str = ""  # cosine, language, numbers, codes, negation, kind, opposites, words


def compare(
    question: str,
    wording: str,
    cosine: float,
    embed: Embed,
    *,
    floor: float = 0.0,
    synonyms: Mapping[str, str] | None = None,
) -> Verdict:
    """Return whether `question` asks for what `wording` asks. `synonyms` maps a library's words to shared ones.

    `cosine` is that of the two questions, `floor` that of unrelated texts by the same model. `embed` gives unit
    vectors of single words; it is called only where words have to be compared.
    """
    if _plain(question) == _plain(wording):
        return Verdict(is_same=True, likeness=1.0)
    near = nearness(cosine, floor)
    if near < LEAST_NEARNESS:
        return Verdict(is_same=False, likeness=0.0, against="cosine")
    asked, known = read(question), read(wording)
    against = disagreement(asked, known)
    if against:
        return Verdict(is_same=False, likeness=0.0, against=against)
    left, right = _unshared(asked, known, synonyms or {})
    if any(_opposite(a, b) for a in left for b in right):
        return Verdict(is_same=False, likeness=0.0, against="opposites")
    weakest = _weakest((left, right), asked, known, lambda words: _Vectors(embed, words, floor))
    is_same = weakest >= LEAST_WORD_NEARNESS
    return Verdict(is_same, round(near * min(1.0, weakest), 4), "" if is_same else "words")


def nearness(cosine: float, floor: float) -> float:
    """Return a cosine on the scale from unrelated (0) to equal (1)."""
    return min(1.0, max(0.0, (cosine - floor) / (1 - floor)))


def disagreement(one: Reading, other: Reading) -> str:
    """Return what cannot be the same question for a plain reason; empty where nothing speaks against it."""
    kinds = frozenset((one.kind, other.kind))
    differs = {
        "language": one.language != other.language,
        "numbers": one.numbers != other.numbers,
        "codes": bool(one.codes and other.codes and one.codes != other.codes),
        "negation": one.is_negated != other.is_negated,
        "opposites": one.particles != other.particles,
        "kind": len(kinds) > 1 and kinds not in ALIKE,
    }
    return next((name for name, is_so in differs.items() if is_so), "")


@lru_cache(maxsize=2048)
def read(text: str) -> Reading:
    """Take a question apart."""
    language = language_of(text)
    folded = fold(text).strip()
    return _read_zh(folded) if language == "zh" else _read_en(folded)


def _read_en(text: str) -> Reading:
    plain = re.sub(r"n['’]t\b", " not", text).replace("’", "'")
    plain = re.sub(r"'(?:s|re|m|d|ll|ve)\b", " ", plain)
    plain = _QUARTER.sub(lambda found: f"{found[2]} {'quarter' if found[1] in 'qQ' else 'half'}", plain)
    lowered = plain.lower()
    kind = _kind(_EN_KINDS, lowered)
    plain = re.sub(r"\bwhat (?:time|year|day|date)\b", "when", plain, flags=re.IGNORECASE)
    joined = _EN_PHRASES.sub(lambda found: words_of.SAME[found[0].lower()], plain)
    numbers, codes, words, names = _tokens(joined)
    content = [word for word in words if word.lower() not in words_of.EN_FRAME]
    is_negated = bool(set(re.findall(r"[a-z]+", lowered)) & words_of.EN_NEGATION)
    particles = words_of.EN_PARTICLES & set(re.findall(r"[a-z]+", joined.lower()))
    return Reading("en", kind, is_negated, particles, numbers, codes, tuple(dict.fromkeys(content)), names)


def _read_zh(text: str) -> Reading:
    kind = _kind(_ZH_KINDS, text)
    bare = words_of.ZH_NOT_NEGATION.sub("", words_of.ZH_CHOICE.sub("", text))
    is_negated = bool(words_of.ZH_NEGATION.search(bare))
    counted = _ZH_YEAR.sub(lambda found: _digits(found[0]), text)
    counted = _ZH_NUMBER.sub(_counted, counted)
    numbers, codes, words, names = _tokens(_QUARTER.sub(r"\2季度", counted))
    content: list[str] = []
    for word in words:
        content += _zh_words(word) if HAN.match(word) else [word]
    return Reading("zh", kind, is_negated, frozenset(), numbers, codes, tuple(dict.fromkeys(content)), names)


def _kind(kinds: Sequence[tuple[Kind, re.Pattern[str]]], text: str) -> Kind:
    """Return the kind of answer that is asked for; the first pattern decides."""
    for kind, pattern in kinds:
        if pattern.search(text):
            return kind
    return "what"


def _tokens(text: str) -> tuple[tuple[str, ...], frozenset[str], list[str], frozenset[str]]:
    """Return numbers (sorted), codes, words in order, and which of them name something: capitals inside a sentence."""
    numbers: list[str] = []
    codes: set[str] = set()
    words: list[str] = []
    names: set[str] = set()
    for match in _TOKEN.finditer(text):
        found = match[0]
        if code := _CODE.fullmatch(found):
            codes.add(code[1].lower() + code[2].lower())
            numbers += re.findall(r"\d+(?:\.\d+)*", code[2])
        elif counted := _numbers_in(found):
            numbers += counted
            words += [part for part in found.split("-") if not _numbers_in(part)]
        else:
            words.append(found)
            if match.start() and found[0].isupper() and found != "I":
                names.add(found.lower())
    return tuple(sorted(numbers)), frozenset(codes), words, frozenset(names)


def _numbers_in(found: str) -> list[str]:
    """Return the numbers that a token is or that its parts are: 2nd, two, two-factor, Monday; none of other words."""
    lowered = found.lower()
    if lowered[0].isdigit():
        return [re.sub(r"(?:st|nd|rd|th)$", "", lowered).replace(",", "")]
    known = words_of.EN_NUMBERS | words_of.EN_DATES
    return [known[part.removesuffix("s")] for part in lowered.split("-") if part.removesuffix("s") in known]


def _zh_words(run: str) -> list[str]:
    """Return the words of a run that say what is asked for."""
    bare = [_ZH_COUNTING.sub("", word) for word in segment(words_of.ZH_CHOICE.sub(_verb_of_choice, run))]
    return [word for word in bare if word.strip() and not words_of.ZH_FRAME.fullmatch(word)]


def _verb_of_choice(choice: re.Match[str]) -> str:
    """Return the verb that is asked about once, a space for one that only asks: 能不能."""
    return choice[1] if choice[1] and choice[1] not in _ZH_MODALS else " "


def _unshared(one: Reading, other: Reading, synonyms: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the words of each question that the other one does not have, by stem, synonym or spelling."""

    def keyed(reading: Reading) -> dict[str, str]:
        return {_key(word, synonyms): word for word in reading.words[:MOST_WORDS]}

    left, right = keyed(one), keyed(other)
    only_left = [word for key, word in left.items() if key not in right and not _spelled(word, right.values())]
    only_right = [word for key, word in right.items() if key not in left and not _spelled(word, left.values())]
    return only_left, only_right


def _key(word: str, synonyms: Mapping[str, str]) -> str:
    lowered = unicodedata.normalize("NFKC", word).lower()
    if lowered in synonyms:
        return synonyms[lowered]
    stem = _stem(lowered)
    return _same_stems().get(stem, stem)


def _stem(word: str) -> str:
    stems = terms(word) if not HAN.match(word) else []
    return stems[0] if stems else word


@cache
def _same_stems() -> dict[str, str]:
    return {_stem(word): _stem(first) if " " not in first else first for word, first in words_of.SAME.items()}


def _spelled(word: str, others: Iterable[str]) -> bool:
    """Return whether a Chinese word stands in the other question, only cut otherwise."""
    return bool(HAN.match(word)) and set(word) <= set("".join(others))


def _opposite(one: str, other: str) -> bool:
    a, b = _key(one, {}), _key(other, {})
    if frozenset((a, b)) in words_of.OPPOSITE or frozenset((one.lower(), other.lower())) in words_of.OPPOSITE:
        return True
    if HAN.match(one):
        differing = [frozenset(pair) for pair in zip(one, other, strict=False) if pair[0] != pair[1]]
        return len(one) == len(other) and len(differing) == 1 and differing[0] in words_of.ZH_OPPOSITES
    longer, shorter = sorted((one.lower(), other.lower()), key=len, reverse=True)
    return any(longer == prefix + shorter for prefix in words_of.EN_OPPOSITE_PREFIXES)


def _weakest(
    sides: tuple[Sequence[str], Sequence[str]],
    asked: Reading,
    known: Reading,
    vectors_of: Callable[[Sequence[str]], "_Vectors"],
) -> float:
    """Return the nearness of the worst matched word; 1 where every word has its like, 0 where one has no counterpart.

    A word's counterpart is one that only the other question has, or another form of it that both have.
    """
    left, right = sides
    needed = [word for word in (*left, *right) if not _is_light(word)]
    if any(word.lower() in asked.names | known.names for word in needed):
        return 0.0
    every = (*left, *right, *asked.words[:MOST_WORDS], *known.words[:MOST_WORDS])
    vectors = vectors_of(every) if needed else None
    best = [_best(word, right, known.words, vectors) for word in left if not _is_light(word) and vectors]
    best += [_best(word, left, asked.words, vectors) for word in right if not _is_light(word) and vectors]
    return min(best, default=1.0)


class _Vectors:
    """The vectors of some words, made together."""

    def __init__(self, embed: Embed, words: Sequence[str], floor: float) -> None:
        self._places = {word: place for place, word in enumerate(dict.fromkeys(words))}
        self._vectors = embed(list(self._places))
        self._floor = floor

    def nearness(self, one: str, other: str) -> float:
        """Return how near two of the words are."""
        cosine = float(self._vectors[self._places[one]] @ self._vectors[self._places[other]])
        return nearness(cosine, self._floor)


def _best(word: str, unshared: Sequence[str], others: Sequence[str], vectors: _Vectors) -> float:
    plain = [vectors.nearness(word, other) for other in unshared]
    kin = [vectors.nearness(word, other) + KIN_GAIN for other in others[:MOST_WORDS] if _is_kin(word, other)]
    return max((*plain, *kin), default=0.0)


def _is_kin(one: str, other: str) -> bool:
    """Return whether their spelling makes the words forms of each other: 负责 and 负责人, smoke and smoking."""
    shorter, longer = sorted((one.lower(), other.lower()), key=len)
    if HAN.match(one):
        return shorter in longer
    return len(shorter) >= KIN_LETTERS and longer.startswith(shorter[: max(KIN_LETTERS, len(shorter) - 2)])


def _is_light(word: str) -> bool:
    return word.lower() in words_of.LIGHT or _key(word, {}) in words_of.LIGHT


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", fold(text).lower())


def _counted(found: re.Match[str]) -> str:
    """Return a counted thing in digits; "一年" and "一个" are no number, "第一" is."""
    return found[0] if found[0] == "一" else f" {_number(found[1] or found[2])} "


def _digits(text: str) -> str:
    return "".join(str(_ZH_DIGITS.get(digit, digit)) for digit in text)


def _number(text: str) -> str:
    """Return a Chinese numeral below ten thousand in digits; 日 and 天 of a week as 7."""
    if text in {"日", "天"}:
        return "7"
    total = digit = 0
    for letter in text:
        unit = {"十": 10, "百": 100, "千": 1000}.get(letter)
        if unit:
            total, digit = total + (digit or 1) * unit, 0
        else:
            digit = _ZH_DIGITS[letter]
    return str(total + digit)
