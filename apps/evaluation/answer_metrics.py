"""How good one answer is, by the metrics that SQuAD (English) and CMRC 2018 (Chinese) publish. Plain Python."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_MIXED = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3400-\u9fff\uf900-\ufaff]+")
_MARKS = re.compile(r"\s?\[\d{1,3}\]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def plain(markdown: str) -> str:
    """Return an answer without its citation marks and the backslashes of quoted text."""
    return _ESCAPED.sub(r"\1", _MARKS.sub("", markdown))


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """Return 1.0 where the answer equals one of `golds` but for case, articles, punctuation and space, else 0.0."""
    return float(any(_normal(answer) == _normal(gold) for gold in golds))


def contains(answer: str, golds: Sequence[str]) -> float:
    """Return 1.0 where one of `golds` stands in the answer, word for word (English) or sign for sign (Chinese)."""
    return float(any(_holds(_normal(answer), _normal(gold)) for gold in golds))


def f1(answer: str, golds: Sequence[str]) -> float:
    """Return the best F1 over `golds`: of shared words (SQuAD), or where a gold is Chinese of CMRC 2018."""
    return max(
        (_cmrc_f1(answer, gold) if _HAN.search(gold) else _squad_f1(answer, gold) for gold in golds), default=0.0
    )


def _normal(text: str) -> str:
    """Return lower case without punctuation, articles and extra space; Chinese without any space."""
    folded = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(sign for sign in folded if sign not in string.punctuation and unicodedata.category(sign)[0] != "P")
    words = _ARTICLES.sub(" ", kept).split()
    return ("" if _HAN.search(folded) else " ").join(words)


def _holds(answer: str, gold: str) -> bool:
    if not gold:
        return False
    if _HAN.search(gold):
        return gold in answer.replace(" ", "")
    return f" {gold} " in f" {answer} "


def _squad_f1(answer: str, gold: str) -> float:
    said, wanted = _normal(answer).split(), _normal(gold).split()
    return _harmonic(sum((Counter(said) & Counter(wanted)).values()), len(said), len(wanted))


def _cmrc_f1(answer: str, gold: str) -> float:
    """Return CMRC's F1: signs and Latin words in common as one run, not as a bag."""
    said, wanted = _MIXED.findall(answer.lower()), _MIXED.findall(gold.lower())
    return _harmonic(_longest_run(said, wanted), len(said), len(wanted))


def _longest_run(one: Sequence[str], two: Sequence[str]) -> int:
    best = 0
    before = [0] * (len(two) + 1)
    for token in one:
        row = [0] * (len(two) + 1)
        for place, other in enumerate(two, start=1):
            if token == other:
                row[place] = before[place - 1] + 1
                best = max(best, row[place])
        before = row
    return best


def _harmonic(shared: int, said: int, wanted: int) -> float:
    return 2 * shared / (said + wanted) if shared else 0.0
