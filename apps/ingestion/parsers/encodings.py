"""Finds the encoding of text that does not tell, with care for short Chinese, Japanese and Korean texts."""

import codecs
import re
from functools import cache

from charset_normalizer import from_bytes

from apps.ingestion.parsers.single_byte import single_byte

SAMPLE_BYTES = 65_536
_BOMS = (  # the four-byte ones first: UTF-32 LE begins like UTF-16 LE
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_EAST_ASIAN = ("gb18030", "big5", "cp932", "euc_jp", "euc_kr")
_MIN_PLAUSIBLE = 0.8
_WIDEST = 4  # bytes of a character


def decode(data: bytes) -> str:
    """Return the text of `data`; what cannot be decoded becomes U+FFFD."""
    return data.decode(encoding_of(data), errors="replace")


def bom_encoding(data: bytes) -> str:
    """Return the encoding that a byte order mark tells, or ""."""
    return next((encoding for bom, encoding in _BOMS if data.startswith(bom)), "")


def encoding_of(data: bytes) -> str:
    """Return a codec: by its mark, UTF-8 if that is valid, wide characters by their NULs, else by plausibility."""
    marked = bom_encoding(data)
    if marked:
        return marked
    if shifted := _shifted(data):
        return shifted
    if _is_valid(data, "utf-8"):
        return _wide_encoding(data) or "utf-8"
    return _wide_encoding(data) or _east_asian(_sample(data)) or _single_byte(_sample(data))


def _is_valid(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _wide_encoding(data: bytes) -> str:
    """Return the UTF-16 or UTF-32 codec whose NUL bytes lie where Latin text has them, or ""."""
    head = data[: 4 * 512]
    if len(head) < _WIDEST or head.count(0) < len(head) * 0.3:
        return ""
    lanes = [head[lane::4].count(0) * 4 / len(head) for lane in range(4)]
    high, low = 0.7, 0.3
    if len(data) % 4 == 0 and lanes[0] > high and lanes[1] > high and lanes[3] < low:
        return "utf-32-be"
    if len(data) % 4 == 0 and lanes[2] > high and lanes[3] > high and lanes[0] < low:
        return "utf-32-le"
    if lanes[0] > high and lanes[2] > high and max(lanes[1], lanes[3]) < low:
        return "utf-16-be"
    if lanes[1] > high and lanes[3] > high and max(lanes[0], lanes[2]) < low:
        return "utf-16-le"
    return ""


def _sample(data: bytes) -> bytes:
    """Return the beginning, from the first line that is not plain ASCII, cut at a line's end."""
    first = re.search(rb"[\x80-\xff]", data)
    start = data.rfind(b"\n", 0, first.start()) + 1 if first else 0
    if len(data) - start <= SAMPLE_BYTES:
        return data[start:]
    end = data.rfind(b"\n", start, start + SAMPLE_BYTES)
    return data[start : end if end > start else start + SAMPLE_BYTES]


@cache
def _common(encoding: str) -> frozenset[str]:
    """Return the characters of the first level of a national set: those in daily use.

    GB 2312 and JIS X 0208 and Big5 order their first level by reading, so it is a range of lead bytes.
    """
    leads = {
        "gb18030": range(0xB0, 0xD8),
        "big5": range(0xA4, 0xC7),
        "euc_jp": range(0xB0, 0xD0),
        "euc_kr": range(0xB0, 0xC9),
    }
    ranges = leads.get(encoding)
    if ranges is None:  # Shift-JIS holds the same characters as EUC-JP
        return _common("euc_jp")
    trails = (*range(0x40, 0x7F), *range(0xA1, 0xFF)) if encoding == "big5" else range(0xA1, 0xFF)
    found = {bytes((lead, trail)).decode(encoding, errors="ignore") for lead in ranges for trail in trails}
    return frozenset(found - {""})


_PUNCTUATION = frozenset("，。、；：？！“”‘’（）《》〈〉【】「」『』…—·～￥％＋－．")
# The most frequent characters of written Chinese, and the particles of Japanese: they break ties between encodings.
_FREQUENT = frozenset(
    "的一是不了在人有我他这这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长"
)
_FREQUENT_TRADITIONAL = frozenset(
    "的一是不了在人有我他這中大來上國個到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她裡後小麼心多天而能好都然沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長"
)

_FREQUENT_KOREAN = frozenset("이다는을를의에가하고은서지로한사기도인리어자시해대나그라일들정게")


def _plausibility(text: str, encoding: str) -> float:
    """Return how far the non-ASCII characters of a decoded text are ones in daily use there, 0..1 and a little."""
    others = [char for char in text if not char.isascii()]
    if not others:
        return 0.0
    common = _common(encoding)
    kana = sum("\u3041" <= char <= "\u30fe" for char in others)
    usual = sum(char in common or char in _PUNCTUATION or "\uff10" <= char <= "\uff5a" for char in others)
    frequent = _FREQUENT_TRADITIONAL if encoding == "big5" else _FREQUENT
    score = (usual + (kana if encoding in {"cp932", "euc_jp"} else 0)) / len(others)
    if encoding in {"gb18030", "big5"}:
        score += 0.5 * sum(char in frequent for char in others) / len(others) - 0.5 * kana / len(others)
    elif encoding in {"cp932", "euc_jp"}:
        score += 0.5 * kana / len(others) - (0.3 if kana == 0 else 0.0)
    else:  # Korean is written with spaces, and a third of it are these syllables
        score += sum(char in _FREQUENT_KOREAN for char in others) / len(others) - (0.0 if " " in text.strip() else 0.3)
    return score


def _east_asian(sample: bytes) -> str:
    """Return the East Asian encoding in which `sample` reads like daily text, or ""."""
    scores: dict[str, float] = {}
    for encoding in _EAST_ASIAN:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(sample)
        except UnicodeDecodeError:
            continue
        scores[encoding] = _plausibility(text, encoding)
    best = max(scores, key=lambda name: scores[name], default="")
    return best if best and scores[best] >= _MIN_PLAUSIBLE else ""


def _single_byte(sample: bytes) -> str:
    """Return the encoding in which the bytes read like a language, else charset-normalizer's best guess."""
    found = single_byte(sample)
    if found:
        return found
    best = from_bytes(sample).best()
    return best.encoding if best is not None else "cp1252"


def _shifted(data: bytes) -> str:
    """Return an encoding of seven bits that shifts between alphabets by escapes (mail and old Unix), or ""."""
    if b"\x1b$" in data[:SAMPLE_BYTES]:
        names: tuple[str, ...] = ("iso2022_jp", "iso2022_jp_2", "iso2022_kr")
    elif b"~{" in data[:SAMPLE_BYTES] and b"~}" in data[:SAMPLE_BYTES] and data.isascii():
        names = ("hz",)
    else:
        return ""
    return next((name for name in names if _is_valid(data, name)), "")
