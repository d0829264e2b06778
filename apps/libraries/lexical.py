"""Turns text into the terms of the lexical index: the same for chunks and for questions.

Text is folded (NFKC, lower case, traditional to simplified, accents of Latin letters dropped). Runs of Han, kana,
Hangul and South-East Asian letters, which put no spaces between words, become character bigrams; Han runs also become
jieba's words, marked with `=` so that a word of one or many characters never meets a run or a bigram. Other words are
stemmed as English, identifiers are kept whole beside their parts, numbers of articles are told in digits as well
(第三条 and 第3条 meet). Stop words stay: their idf makes them weigh little.
"""

import hashlib
import logging
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import Stemmer
from django.conf import settings

MAX_CHARS = 200_000  # of one text; a chunk has about 2,000, so only hostile input is cut
MAX_TERM_CHARS = 64  # a lexeme may have 2 kB, but no longer word was ever searched for
MAX_TERM_COUNT = 8_000  # distinct terms of one text: a sparsevec holds 16,000, a tsvector 1 MB
WORD_MARK = "="
_BIGRAM = 2
_WORDS_AT_ONCE = 200  # characters given to jieba at a time: bounds its memory on a run without punctuation

_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_UNSPACED = _HAN + "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\uac00-\ud7a3"
_LETTER = rf"[^\W_{_UNSPACED}]"
_JOINT = r"[-._/:@&+#'*]"
_TOKEN = re.compile(rf"(?P<run>[{_UNSPACED}]+)|(?P<word>{_LETTER}+(?:{_JOINT}{_LETTER}+)*(?:\+\+|\#)?)")
_HAN_RUN = re.compile(rf"[{_HAN}]+")
_PARTS = re.compile(rf"{_LETTER}+")
_JOINTS_TO_DROP = re.compile(rf"(?<!\d){_JOINT}|{_JOINT}(?!\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
# NFKC makes 1½ to 11/2, 10² to 102 and ①② to 12: a space keeps such digits from their neighbours.
_SMALL_DIGITS = re.compile(
    r"(?<=\d)(?=[\u00b9\u00b2\u00b3\u00bc-\u00be\u2070-\u2079\u2150-\u215f])|(?=[\u2460-\u249b])"
)
_ORDINAL = re.compile(r"第 ?(\d{1,4}|[一二三四五六七八九十百零〇两]{1,7}) ?([条章节款项页版届期次编卷部季])")
_HAN_DIGITS = {char: value for value, char in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_HAN_UNITS = {"十": 10, "百": 100}
_PHONE = re.compile(r"\d+(?:-\d+)+")
_PHONE_DIGITS = 10  # of a number that is written with and without dashes: telephones, accounts, ISBN
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-") | {
    ord("\u2019"): "'",
    ord("\u2044"): "/",
    0: " ",
}
_ASKING_EN = """a an and are as at be by did do does for from how in is it its of on that the this to was were what when
where which who whom whose why will with
can could should would may must have has had any some much many i me my you your we us our please tell"""
# "How long does it take": the measure belongs to the asking; elsewhere "long" and "far" are words like others.
_MEASURES = re.compile(
    r"\bhow (?:long|often|far|old|tall|big|large|high|deep|wide|fast|soon|late|likely)\b", re.IGNORECASE
)
_ASKING_ZH = """什么 为什么 是什么 什么样 什么时候 为何 如何 怎么 怎样 怎么样 怎么办 谁 几 几个 哪 哪个
哪些 哪里 哪儿 哪位 哪种 哪几 哪一 多少 多久 多大 多长 多高 多远 何 何时 何地 何处 何种 何人 请问 吗 呢 吧 啊 呀 么"""
_CODE = re.compile(r"(?=.*[A-Z/])[A-Za-z]{1,5}(?:/[A-Za-z]{1,3})?")  # GB/T, KB, ISO: it belongs to the number behind it


class Unit(NamedTuple):
    """The smallest part by which words are compared: a character of a script without spaces, or a stem."""

    key: str
    start: int
    end: int
    is_character: bool


class Finds(Protocol):
    """What finds a library's own words in a folded text, as (start, end, key) from left to right (`wording`)."""

    def spans(self, folded: str) -> list[tuple[int, int, str]]:
        """Return the words without overlaps."""
        ...


def units_of(folded: str) -> list[Unit]:
    """Return the units of a folded text in order."""
    units: list[Unit] = []
    for match in _TOKEN.finditer(folded):
        if match["run"] is not None:
            start = match.start()
            units.extend(Unit(char, start + at, start + at + 1, True) for at, char in enumerate(match["run"]))  # noqa: FBT003
            continue
        parts = _PARTS.finditer(folded, *match.span())
        units.extend(Unit(_stem(part[0][: MAX_TERM_CHARS + 1]), *part.span(), False) for part in parts)  # noqa: FBT003
    return units


def analyse(text: str, own_words: Finds | None = None) -> list[str]:
    """Return the terms of `text` in order, repeats included; linear in its length, never raises.

    `own_words` are those of a library: each becomes one term, and no word of jieba's reaches into it.
    """
    folded = fold(text[:MAX_CHARS])
    spans = own_words.spans(folded) if own_words else []
    terms: list[str] = [WORD_MARK + key for _start, _end, key in spans]
    terms.extend(f"第{_number(match[1])}{match[2]}" for match in _ORDINAL.finditer(folded))
    code, code_end = "", -1
    for match in _TOKEN.finditer(folded):
        run = match["run"]
        if run is not None:
            terms.extend(_bigrams(run))
            for piece in _outside(run, match.start(), spans):
                terms.extend(_han_words(piece))
            continue
        word = match["word"]
        terms.extend(_word_terms(word))
        if code and match.start() == code_end + 1 and folded[code_end] == " " and word[0].isdigit():
            terms.append(_whole(code + word))
        code, code_end = (word, match.end()) if _CODE.fullmatch(word) else ("", -1)
    return terms


def analyse_question(text: str, own_words: Finds | None = None) -> list[str]:
    """Return the terms that a passage should have: those of `text` without the words that only ask.

    "What is", 什么 and 多少 stand in few passages, so their idf is high, but in none for the answer's sake. Where
    nothing else is asked for, they stay.
    """
    asked = _without_asking(fold(text[:MAX_CHARS]), own_words)
    asked = _MEASURES.sub("how", asked)
    return [term for term in analyse(asked, own_words) if term not in _asking_stems()] or analyse(text, own_words)


def certain_terms(phrase: str) -> list[str]:
    """Return terms that every text has in which `phrase` stands as whole words, whatever stands around it.

    Not so jieba's words and identifiers as a whole: they depend on their neighbours.
    """
    terms: list[str] = []
    for match in _TOKEN.finditer(fold(phrase)):
        run = match["run"]
        if run is None:
            terms.extend(_stem(part[: MAX_TERM_CHARS + 1]) for part in _PARTS.findall(_without_s(match["word"])))
        elif len(run) > 1:
            terms.extend(_bigrams(run))
    return list(dict.fromkeys(terms))


def variants(character: str) -> str:
    """Return the characters that `fold` and the stems make equal to a folded one: both cases, accents, both scripts."""
    lowered = character.lower()
    same = {lowered, character.upper() if len(character.upper()) == 1 else lowered}
    return "".join(sorted(same)) + _accented().get(lowered, "") + _traditional().get(character, "")


def fold(text: str) -> str:
    """Return `text` in NFKC with simplified characters, plain dashes and no NUL; capitals are kept."""
    plain = (
        unicodedata.normalize("NFKC", _SMALL_DIGITS.sub(" ", text))
        .translate(_DASHES)[:MAX_CHARS]
        .translate(_simplified())
    )
    return _THOUSANDS.sub("", plain)


def segment(text: str) -> list[str]:
    """Return jieba's words of `text`, unknown names joined by its hidden Markov model; they add up to `text`."""
    return list(_jieba().cut(text))


@lru_cache(maxsize=65536)
def dimension(term: str) -> int:
    """Return the term's place, 0 to 999,999,998, in the space of `Chunk.weights`.

    Two of a million terms share a place with probability 1e-3 each, and would then lend each other a little weight.
    """
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "big") % 999_999_999


def quoted(term: str) -> str:
    """Return the term as PostgreSQL reads it inside a tsvector or tsquery."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"


def _outside(run: str, start: int, spans: Sequence[tuple[int, int, str]]) -> Iterator[str]:
    """Yield what a library's own words leave of a run that begins at `start`; all of it where they touch nothing."""
    at = 0
    for first, last, _key in spans:
        if first < start + len(run) and last > start:
            yield run[at : max(at, first - start)]
            at = max(at, last - start)
    yield run[at:]


def _bigrams(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    for at in range(len(run) - 1):
        yield run[at : at + 2]


def _han_words(run: str) -> Iterator[str]:
    for han in _HAN_RUN.finditer(run):
        for start in range(han.start(), han.end(), _WORDS_AT_ONCE):
            yield from _cut(run[start : min(start + _WORDS_AT_ONCE, han.end())])


def _without_asking(folded: str, own_words: Finds | None) -> str:
    pieces: list[str] = []
    at = 0
    for start, end, _key in own_words.spans(folded) if own_words else []:
        pieces += [_HAN_RUN.sub(_without_asking_words, folded[at:start]), folded[start:end]]
        at = end
    return "".join((*pieces, _HAN_RUN.sub(_without_asking_words, folded[at:])))


def _without_asking_words(run: re.Match[str]) -> str:
    words = _jieba().lcut(run[0][:_WORDS_AT_ONCE], HMM=False)
    kept = "".join(" " if word in _asking_words() else word for word in words)
    return kept + run[0][_WORDS_AT_ONCE:]


@cache
def _asking_words() -> frozenset[str]:
    return frozenset(_ASKING_ZH.split())


@cache
def _asking_stems() -> frozenset[str]:
    return frozenset(map(_stem, _ASKING_EN.split()))


@lru_cache(maxsize=4096)
def _cut(run: str) -> tuple[str, ...]:
    """Return jieba's words of a run. Words of two characters are bigrams already: counting them twice lost 0.006."""
    return tuple(WORD_MARK + word for word in _jieba().cut_for_search(run, HMM=False) if len(word) != _BIGRAM)


def _word_terms(word: str) -> Iterator[str]:
    """Yield the stems of the word's parts and, where it has several, the word as a whole."""
    bare = _without_s(word)
    parts = _PARTS.findall(bare)
    for part in parts:
        yield _stem(part[: MAX_TERM_CHARS + 1])
    if len(parts) > 1 or bare[-1] in "+#":
        yield _whole(bare)
        if _PHONE.fullmatch(bare) and sum(map(len, parts)) >= _PHONE_DIGITS:
            yield "".join(parts)[:MAX_TERM_CHARS]


def _without_s(word: str) -> str:
    return word.removesuffix("'s").removesuffix("'S")


def _whole(word: str) -> str:
    """Return an identifier without its joints, but for those between digits: KB-1042 meets kb1042, 1.2 never 12.

    One of letters alone is a word like any other: e-mails meet email.
    """
    if word[-1] in "+#":
        return word.lower()[-MAX_TERM_CHARS:]
    joined = _JOINTS_TO_DROP.sub("", word[:MAX_TERM_CHARS])
    return _stem(joined) if joined.isalpha() else joined.lower()


def _number(written: str) -> str:
    """Return a number below ten thousand in digits: 3, 三, 十二, 一百零五, 二〇 (digit by digit)."""
    if written.isdigit() and written.isascii():
        return written.lstrip("0") or "0"
    if not re.search("[十百]", written):
        return "".join(str(_HAN_DIGITS[char]) for char in written).lstrip("0") or "0"
    total, digit = 0, 0
    for char in written:
        if char in _HAN_UNITS:
            total, digit = total + max(digit, 1) * _HAN_UNITS[char], 0
        else:
            digit = _HAN_DIGITS[char]
    return str(total + digit)


@lru_cache(maxsize=65536)
def _stem(part: str) -> str:
    lowered = part.casefold()
    if not lowered.isascii():
        lowered = "".join(c for c in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(c))
    lowered = lowered[:MAX_TERM_CHARS]
    return str(_stemmer().stemWord(lowered)) if lowered.isascii() and lowered.isalpha() else lowered


@cache
def _stemmer() -> Any:
    return Stemmer.Stemmer("english", 0)  # without its own cache, which is not safe across threads


@cache
def _simplified() -> dict[int, str]:
    """Return OpenCC's table from traditional to simplified characters, the first choice of each."""
    lines = (files("opencc") / "dictionary" / "TSCharacters.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if "\t" in line)
    return {ord(old): new.split(" ")[0] for old, new in pairs if len(old) == 1}


@cache
def _traditional() -> dict[str, str]:
    """Return the traditional characters of each simplified one."""
    found: dict[str, str] = {}
    for old, new in _simplified().items():
        found[new] = found.get(new, "") + chr(old)
    return found


@cache
def _accented() -> dict[str, str]:
    """Return the letters of Latin-1 and its two extensions that are a plain letter with an accent, by that letter."""
    found: dict[str, str] = {}
    for code in range(0xC0, 0x250):
        plain = unicodedata.normalize("NFKD", chr(code))
        if len(plain) > 1 and plain[0].isascii() and plain[0].isalpha():
            found[plain[0].lower()] = found.get(plain[0].lower(), "") + chr(code)
    return found


@cache
def _jieba() -> Any:
    """Return jieba's tokenizer; its compiled dictionary is kept below var/, where nobody else writes."""
    import jieba  # noqa: PLC0415  # 50 MB that the web process never needs

    jieba.setLogLevel(logging.WARNING)
    folder = Path(settings.VAR_DIR) / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = jieba.Tokenizer()
    tokenizer.tmp_dir, tokenizer.cache_file = str(folder), "jieba.cache"
    tokenizer.initialize()
    return tokenizer
