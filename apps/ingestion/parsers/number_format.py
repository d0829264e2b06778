"""Shows the numbers of a spreadsheet as it does: dates, percents, digits (ECMA-376 part 1, 18.8.30 and .31)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache

GENERAL = "General"
ISO_DATE = "yyyy\\-mm\\-dd"  # for what the reader's country decides: no reader can take it for another day
BUILT_IN = {
    0: GENERAL,
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: ISO_DATE,
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: f"{ISO_DATE} h:mm",
    37: "#,##0;-#,##0",
    38: "#,##0;-#,##0",
    39: "#,##0.00;-#,##0.00",
    40: "#,##0.00;-#,##0.00",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
} | dict.fromkeys((*range(27, 37), *range(50, 59)), ISO_DATE)  # dates of East Asian Excels
MAX_CODE_CHARS = 255
_MAX_SERIAL = 2_958_466  # 31 December 9999
_LEAP_BUG = 60  # Excel holds 1900 for a leap year
_WHOLE = 1e15  # whole numbers below it are exact, and shown in full
_LONG = Decimal(10) ** 20
_PRECISION = 27  # digits of a Decimal, less one
_TOKEN = re.compile(
    r"""(?P<text>"[^"]*"|\\.|_.|\*.)|\[(?P<span>h+|m+|s+)\]|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<bracket>[^\]]*)\]
    |(?P<general>General|G/通用格式)|(?P<half>AM/PM|A/P|上午/下午)|(?P<date>y+|m+|d+|h+|s+|e+(?![+-])|a{3,4}|b{2,4}|g+)|(?P<part>\.0+)
    |(?P<digits>[0#?][0#?,.]*|\.[0#?]+)|(?P<exponent>E[+-][0#?]+)|(?P<other>.)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)$")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def shown(value: float, code: str, *, is_1904: bool = False) -> str:
    """Return a number in the format that `code` writes down; plainly where the code makes no sense."""
    section, is_signed = _section(value, code)
    kinds = {token.kind for token in section}
    if not section or "general" in kinds:
        return _literal(section, plain(value))
    if kinds & {"date", "span"}:
        return _moment(value, section, is_1904=is_1904)
    if not kinds & {"digits", "part"}:
        has_text = any(token.kind in {"text", "currency"} for token in section)
        return _literal(section, "") if has_text and "at" not in kinds else plain(value)
    return _number(abs(value) if is_signed else value, section)


def plain(value: float) -> str:
    """Return a number without a format: whole ones in full, others without the noise of floating point."""
    if abs(value) < _WHOLE * 1_000 and value == int(value):
        return str(int(value))
    return f"{value:.15g}"


def _section(value: float, code: str) -> tuple[tuple[_Token, ...], bool]:
    """Return the part of a code that is for this value, and whether it writes the sign itself."""
    sections = _sections(code)
    conditions = [_condition(section) for section in sections]
    if any(conditions):
        for section, condition in zip(sections, conditions, strict=True):
            if condition is None or _holds(value, *condition):
                return section, False
        return sections[-1], False
    if value < 0 and len(sections) > 1:
        return sections[1], True
    if value == 0 and len(sections) > 2:  # noqa: PLR2004  positive; negative; zero
        return sections[2], True
    return sections[0], False


@lru_cache(maxsize=512)
def _sections(code: str) -> list[tuple[_Token, ...]]:
    """Return the tokens of a code, section by section."""
    sections: list[list[_Token]] = [[]]
    for token in _tokens(code[:MAX_CODE_CHARS]):
        if token.kind == "other" and token.text == ";":
            sections.append([])
        else:
            sections[-1].append(token)
    return [tuple(_with_minutes(section)) for section in sections]


def _tokens(code: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(code):
        kind, text = match.lastgroup or "other", match[0]
        if kind == "text":
            text = text[1:-1] if text.startswith('"') else text[1:] if text.startswith("\\") else ""
        elif kind == "currency":
            text = match["currency"]
        elif kind in {"span", "bracket"}:
            text = match[kind]
        elif text == "@":
            kind = "at"
        yield _Token(kind, text)


def _with_minutes(section: list[_Token]) -> Iterator[_Token]:
    """Yield the tokens, those "m" that stand after hours or before seconds told as minutes."""
    clock = [(at, token.text[0].lower()) for at, token in enumerate(section) if token.kind in {"date", "span"}]
    minutes = set()
    for place, (at, letter) in enumerate(clock):
        before = clock[place - 1][1] if place else ""
        after = clock[place + 1][1] if place + 1 < len(clock) else ""
        if letter == "m" and section[at].kind == "date" and (before == "h" or after == "s"):
            minutes.add(at)
    for at, token in enumerate(section):
        is_fraction = token.kind == "part" and at > 0 and section[at - 1].kind in {"date", "span"}
        kind = "minutes" if at in minutes else "fraction" if is_fraction else token.kind
        yield _Token("digits" if kind == "part" else kind, token.text)


def _condition(section: tuple[_Token, ...]) -> tuple[str, float] | None:
    for token in section:
        found = _CONDITION.match(token.text) if token.kind == "bracket" else None
        if found:
            return found[1], float(found[2])
    return None


def _holds(value: float, operator: str, limit: float) -> bool:
    return {
        "<": value < limit,
        "<=": value <= limit,
        ">": value > limit,
        ">=": value >= limit,
        "=": value == limit,
        "<>": value != limit,
    }[operator]


def _literal(section: tuple[_Token, ...], number: str) -> str:
    """Return the words of a section with the number in its place."""
    parts = [number if token.kind == "general" else token.text for token in section if token.kind in _WRITTEN]
    return "".join(parts).strip() if section else number


_WRITTEN = frozenset(["text", "currency", "general", "other"])


def moment_of(serial: float, *, is_1904: bool = False) -> datetime | None:
    """Return the point in time that a serial number stands for, None outside Excel's calendar."""
    if not 0 <= serial < _MAX_SERIAL:
        return None
    start = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)  # noqa: DTZ001  spreadsheets know no zones
    shift = 0 if is_1904 or serial >= _LEAP_BUG else 1
    milliseconds = round((serial % 1) * 86_400_000)
    return start + timedelta(days=int(serial) + shift, milliseconds=milliseconds)


def _moment(value: float, section: tuple[_Token, ...], *, is_1904: bool) -> str:
    moment = moment_of(value, is_1904=is_1904)
    if moment is None:
        return plain(value)
    has_half = any(token.kind == "half" for token in section)
    parts = [_moment_part(token, moment, value, has_half=has_half) for token in section]
    return "".join(parts).strip()


def _moment_part(token: _Token, moment: datetime, value: float, *, has_half: bool) -> str:
    if token.kind == "date":
        return _date_part(token.text.lower(), moment, has_half=has_half)
    if token.kind == "minutes":
        return f"{moment.minute:0{min(2, len(token.text))}d}"
    if token.kind == "span":
        units = {"h": 24, "m": 1_440, "s": 86_400}[token.text[0].lower()]
        return f"{int(value * units + 1e-6):0{len(token.text)}d}"
    if token.kind == "half":
        return ("AM" if moment.hour < 12 else "PM") if token.text[0] in "Aa" else "上午" if moment.hour < 12 else "下午"  # noqa: PLR2004  noon
    if token.kind == "fraction":
        return f"{moment.microsecond / 1e6:.{len(token.text) - 1}f}"[1:]
    return token.text if token.kind in {"text", "other", "currency", "digits"} else ""


def _date_part(letters: str, moment: datetime, *, has_half: bool) -> str:
    """Return one part of a date: year, month, day, weekday, hour or second."""
    wide = min(2, len(letters))
    hour = moment.hour % 12 or 12 if has_half else moment.hour
    numbers = {"m": moment.month, "d": moment.day, "h": hour, "s": moment.second}
    first = letters[0]
    if first == "y":
        return f"{moment.year:04d}" if len(letters) > 2 else f"{moment.year % 100:02d}"  # noqa: PLR2004  yy
    if first == "e":
        return f"{moment.year:04d}"
    if first == "a":
        return ("星期" if len(letters) == 4 else "") + "一二三四五六日"[moment.weekday()]  # noqa: PLR2004  aaaa
    if first in {"b", "g"}:
        return ""
    names = {"m": _MONTHS[moment.month - 1], "d": _DAYS[moment.weekday()]}
    if first in names and len(letters) > 2:  # noqa: PLR2004  mmm: a name
        return {3: names[first][:3], 5: names[first][:1]}.get(len(letters), names[first])
    return f"{numbers[first]:0{wide}d}"


def _number(value: float, section: tuple[_Token, ...]) -> str:
    """Return a number that a section of digits, signs and words writes."""
    percents = sum(token.text.count("%") for token in section if token.kind == "other")
    pattern = "".join(token.text for token in section if token.kind == "digits")
    scale = len(pattern) - len(pattern.rstrip(",")) or pattern.count(",.")
    exact = Decimal(repr(value)) * 100**percents / 1_000**scale
    if not exact.is_finite() or abs(exact) > _LONG:
        return plain(value)
    if any(token.kind == "other" and token.text == "/" for token in section):
        return _as_fraction(exact)
    if any(token.kind == "exponent" for token in section):
        digits = _as_exponent(exact, pattern)
    elif "." not in pattern and sum(token.kind == "digits" for token in section) > 1:
        return _in_groups(abs(exact), section)
    else:
        digits = _as_digits(abs(exact), pattern)
    sign = "-" if exact < 0 and any(char in digits for char in "123456789") else ""
    return sign + _in_words(section, digits)


def _in_words(section: tuple[_Token, ...], digits: str) -> str:
    """Return the section's words with the digits where its first digits stand."""
    parts: list[str] = []
    is_written = False
    for token in section:
        if token.kind == "digits":
            parts.append("" if is_written else digits)
            is_written = True
        elif token.kind in {"text", "currency", "other"}:
            parts.append(token.text)
    return "".join(parts).strip()


def _in_groups(value: Decimal, section: tuple[_Token, ...]) -> str:
    """Return digits in groups, as telephone and identity numbers are written: filled from the right."""
    left = f"{value.quantize(Decimal(1), rounding=ROUND_HALF_UP):f}" if value < _LONG else f"{value:f}"
    groups = [token for token in section if token.kind == "digits"]
    parts: list[str] = []
    for token in reversed(section):
        if token.kind == "digits":
            groups.pop()
            count = len(token.text) if groups else max(len(left), len(token.text))
            parts.append(left[-count:].rjust(count, "0") if "0" in token.text else left[-count:])
            left = left[:-count]
        elif token.kind in _WRITTEN:
            parts.append(token.text)
    return "".join(reversed(parts)).strip()


def _as_digits(value: Decimal, pattern: str) -> str:
    whole, _, part = pattern.partition(".")
    places, least = sum(char in "0#?" for char in part), sum(char == "0" for char in part)
    places = min(places, _PRECISION - max(0, value.adjusted() + 1))
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP) if value < _LONG else value
    left, _, right = f"{rounded:f}".partition(".")
    right = right[:least] + right[least:].rstrip("0")
    left = left.lstrip("0").rjust(whole.count("0"), "0")
    if "," in whole.rstrip(",") and left:
        left = f"{int(left):,}".rjust(len(left), "0")
    return (left or "0") + (f".{right}" if right else "")


def _as_exponent(value: Decimal, pattern: str) -> str:
    places = sum(char in "0#?" for char in pattern.partition(".")[2])
    return f"{abs(value):.{places}E}"


def _as_fraction(value: Decimal) -> str:
    """Return "2 1/3" for 2.333…"""
    nearest = Fraction(value).limit_denominator(99)
    whole = int(nearest)
    rest = abs(nearest - whole)
    words = [str(whole)] if whole or not rest else []
    if rest:
        words.append(("-" if nearest < 0 and not whole else "") + f"{rest.numerator}/{rest.denominator}")
    return " ".join(words)
