"""Tells the single-byte encodings of languages apart: by the letters each language has, and by words that look wrong.

A text whose letters are mostly beyond ASCII is Cyrillic, Greek, Hebrew, Arabic or Thai; there the frequent letters
decide. Others are Latin; there the right encoding is the one in which one language explains all letters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MIN_COVERED = 0.85
MIN_FREQUENT = 0.42
FOREIGN_SHARE = 0.5  # of all letters: above it the script is not Latin
ANOMALY_COST = 2.0
RARE_COST = 0.3  # what an encoding that nobody uses any more has to be better by
_RARE = frozenset({"mac_cyrillic", "cp737", "cp869", "cp862", "cp864"})
_ASCII_END = 0x7F


@dataclass(frozen=True, slots=True)
class _Script:
    """A script with the encodings it is written in, its letters, and those that are frequent."""

    encodings: tuple[str, ...]
    first: str
    last: str
    frequent: frozenset[str]


_SCRIPTS: Sequence[_Script] = (
    _Script(
        ("cp1251", "koi8_r", "cp866", "iso8859_5", "koi8_u", "mac_cyrillic"),
        "\u0400",
        "\u04ff",
        frozenset("оеаинтсрвлкмді"),
    ),
    _Script(("cp1253", "iso8859_7", "cp737", "cp869"), "\u0370", "\u03ff", frozenset("αοιετσνηυρκπςίά")),
    _Script(("cp1255", "iso8859_8", "cp862"), "\u0590", "\u05ff", frozenset("יוהלאמרתשבנדע")),
    _Script(("cp1256", "iso8859_6", "cp864"), "\u0600", "\u06ff", frozenset("ايلمنترهوبدعةأ")),
    _Script(("cp874", "tis_620"), "\u0e00", "\u0e7f", frozenset("านรกอเงมยลวดทตสะ่้ัิี")),
)
_LANGUAGES: Mapping[str, str] = {
    "fr": "àâæçèéêëîïôùûüÿœ",
    "de": "äöüßé",
    "es": "áéíñóúü",
    "pt": "ãáâàçéêíóôõúü",
    "it": "àèéìíîòóùú",
    "nordic": "åäöæøéü",
    "nl": "éèëïóöüêá",
    "ca": "àçèéíïòóúü·",
    "is": "áðéíóúýþæö",
    "et": "äöõüšž",
    "pl": "ąćęłńóśźż",
    "cs": "áčďéěíňóřšťúůýž",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "hu": "áéíóöőúüű",
    "ro": "ăâîșțşţ",
    "hr": "čćđšžëç",
    "tr": "çğıöşüİâîû",
    "baltic": "āčēģīķļņōŗšūžąęėįųõäöü",
}
_LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1257", "iso8859_16", "mac_roman", "cp850", "cp852", "cp437")
_ORDINALS = frozenset("ªº")
_NEUTRAL = _ORDINALS | frozenset("\xa0‘’“”„‚‹›«»–—…•·€£¥§©®™°±²³½¼¾×¿¡¨´`¶†‡")
_IN_WORDS = frozenset("’‘·´-'\xad")


def single_byte(sample: bytes) -> str:
    """Return the encoding in which the bytes read like a language, "" where none does."""
    high = sum(byte > _ASCII_END for byte in sample)
    letters = high + sum(chr(byte).isalpha() for byte in sample if byte <= _ASCII_END)
    if not high:
        return ""
    return _foreign(sample) if high > letters * FOREIGN_SHARE else _latin(sample)


def _foreign(sample: bytes) -> str:
    scores: dict[str, float] = {}
    for script in _SCRIPTS:
        for encoding in script.encodings:
            text = _decoded(sample, encoding)
            others = [char for char in text if not char.isascii() and char not in _NEUTRAL]
            if not others:
                continue
            covered = sum(script.first <= char <= script.last for char in others) / len(others)
            frequent = sum(char.lower() in script.frequent for char in others) / len(others)
            if covered >= MIN_COVERED and frequent >= MIN_FREQUENT:
                cost = ANOMALY_COST * _anomalies(text) / len(others) + RARE_COST * (encoding in _RARE)
                scores[encoding] = covered + frequent - cost
    best = max(scores, key=lambda name: scores[name], default="")
    return best if best and scores[best] > MIN_COVERED else ""


def _latin(sample: bytes) -> str:
    best, best_score = "", MIN_COVERED
    for encoding in _LATIN:
        text = _decoded(sample, encoding)
        others = [char.lower() for char in text if not char.isascii() and char not in _NEUTRAL]
        if not others:
            return encoding if not _anomalies(text) else best
        covered = max(sum(char in letters for char in others) for letters in _LANGUAGES.values())
        score = (covered - ANOMALY_COST * _anomalies(text)) / len(others)
        if score > best_score:
            best, best_score = encoding, score
    return best


def _decoded(sample: bytes, encoding: str) -> str:
    """Return the text; what an encoding has no character for counts against it as a symbol."""
    return sample.decode(encoding, errors="replace")


def _anomalies(text: str) -> int:
    """Count what no writer does: a capital after a small letter, a symbol between two letters, a control."""
    count = 0
    for before, char, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        if char < " ":
            count += char not in "\t\n\r\f"
        elif char.isascii() or char in _IN_WORDS:
            continue
        elif char in _ORDINALS:
            count += after.isalpha()
        elif char.isalpha():
            count += char.isupper() and before.islower()
        elif not _is_mark(char):
            count += before.isalpha() and after.isalpha()
    return count


def _is_mark(char: str) -> bool:
    """Return whether a character is a vowel sign that stands on the letter before it."""
    return "\u0590" <= char <= "\u05c7" or "\u064b" <= char <= "\u0652" or "\u0e31" <= char <= "\u0e4e"
