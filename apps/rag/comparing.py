"""Splits a question that compares things into one question for each of them. Plain Python.

A search for "the difference between A and B" finds what speaks of both, or of the more common one alone; a search for
each finds what the answer needs. Only forms that surely compare are split: "the history of France and Germany" is not.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from apps.rag.types import Found, Passage

LEAST_PARTS, MOST_PARTS = 2, 4
LONGEST_THING = 60  # characters of one of the things compared
LONGEST = 400  # characters of a question that is looked at

_THING_ZH = r"[^，,。？?；;：:]{1,60}?"
_AND_ZH = r"(?:和|与|跟|以及|及|、|还是|或者|或)"
_THINGS_ZH = rf"(?P<things>{_THING_ZH}{_AND_ZH}{_THING_ZH})"
_DIFFERENCE_ZH = r"(?:区别|不同|差异|差别|异同|相同点|不同点|共同点)(?:之处|点)?"
_ZH = (
    re.compile(rf"^(?:请|帮我)?(?:比较|对比)(?:一下)?{_THINGS_ZH}(?P<aspect>的[^的]{{1,30}})?[。？?]?$"),
    re.compile(
        rf"^{_THINGS_ZH}(?:之间)?(?P<aspect>(?:在|的).{{1,30}}?)?(?:上|方面)?(?:的|之间)?(?:主要)?(?:有|存在)?"
        rf"(?:什么|哪些|何|啥)?(?:主要|本质|明显)?的?{_DIFFERENCE_ZH}(?:是什么|有哪些|在哪里|在哪|吗|呢)?[。？?]?$"
    ),
    re.compile(
        rf"^{_THINGS_ZH}[，,]?(?:相比|比较|比起来)?[，,]?(?:哪一?[个种家款位座条]|谁|孰)"
        r"(?P<aspect>(?:更|最|比较|较)[^，,。]{1,20}?)[？?。]?$"
    ),
)
_THING_EN = r"[^,.;:?!]{1,60}?"
_NAME_EN = r"(?:[Tt]he )?[A-Z0-9][\w.'&-]*(?: (?:(?:of|the|and|de|la|von|van|for|in|du) )?[A-Z0-9][\w.'&-]*){0,6}"
_IN_EN = r"(?P<aspect> (?:in terms of|with respect to|regarding|in|on|for|by) .{1,60}?)?[.?!]?$"
_EN = (
    re.compile(
        rf"^(?:[Pp]lease )?(?:[Cc]ompare|[Cc]ontrast)(?P<front> (?:the )?[\w -]{{1,30}} (?:of|for|in))?"
        rf" (?P<things>{_THING_EN} (?:and|with|to|vs\.?|versus|against) {_THING_EN}){_IN_EN}"
    ),
    re.compile(
        r"^(?:[Ww]hat(?:'s| is| are)|[Ee]xplain|[Dd]escribe|[Tt]ell me) (?:the )?(?:main |key |major )?"
        r"(?:differences?|distinctions?|similarit(?:y|ies)) (?:between|of|among) "
        rf"(?P<things>{_THING_EN} and {_THING_EN}){_IN_EN}"
    ),
    re.compile(
        rf"^[Hh]ow (?:do|does|is|are|did) "
        rf"(?P<things>{_THING_EN} (?:differ(?:ent)? from|compare (?:to|with)) {_THING_EN}){_IN_EN}"
    ),
    re.compile(
        rf"^(?:[Ww]ho|[Ww]hich|[Ww]hat)(?P<aspect>(?: [\w'-]+){{1,12}}?),? "
        rf"(?P<things>{_NAME_EN},? or {_NAME_EN})[?. ]*$"
    ),
    re.compile(
        rf"^(?:[Aa]re|[Ww]ere|[Dd]o|[Dd]id|[Hh]ave) (?:both )?(?P<things>{_NAME_EN} and {_NAME_EN})"
        r"(?P<aspect> (?![A-Z]).{1,60}?)[?. ]*$"
    ),
    re.compile(r"^(?P<things>[\w.'&/-]+(?: [\w.'&/-]+){0,3} (?:vs\.?|versus) [\w.'&/-]+(?: [\w.'&/-]+){0,3})[?.]?$"),
)
_SPLIT_ZH = re.compile(_AND_ZH)
_SPLIT_EN = re.compile(
    r",? (?:and|with|to|vs\.?|versus|against|or|differ(?:ent)? from|compare (?:to|with)) |, ", re.IGNORECASE
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_FRAME_EN = re.compile(
    r"\b(?:in terms of|with respect to|regarding|both|all|the same|is|are|was|were|has|have|had|did|does|do)\b"
    r"|^(?:of|on|in|by|for)\b",
    re.IGNORECASE,
)
_FRAME_ZH = re.compile(r"^[在的]|(?:上|方面)$|^(?:更|比较|较|最)")
_PRONOUN_WORDS = "他 她 它 这 那 他们 她们 它们 这个 那个 it this that they them he she"
_PRONOUNS = frozenset(_PRONOUN_WORDS.split())


def parts_of(question: str) -> tuple[str, ...]:
    """Return one question for each thing that `question` compares, () where it compares nothing."""
    question = " ".join(question.split())
    if not question or len(question) > LONGEST:
        return ()
    is_zh = bool(_HAN.search(question))
    for pattern in _ZH if is_zh else _EN:
        match = pattern.match(question)
        things = _things(match["things"], _SPLIT_ZH if is_zh else _SPLIT_EN) if match else ()
        if match and things:
            return _asked(things, match, is_zh=is_zh)
    return ()


def interleaved(several: Sequence[Found]) -> Found:
    """Return several searches, the last of which is for the whole question, as one: their passages in turns.

    An answer is as well supported as the whole question is, or as the weakest of its parts.
    """
    whole = several[-1]
    if len(several) == 1:
        return whole
    passages: dict[object, Passage] = {}
    for row in zip_longest(*(found.passages for found in several)):
        for passage in filter(None, row):
            passages.setdefault(passage.chunk_id, passage)
    support = max(whole.support, min(found.support for found in several[:-1]))
    spent = sum(found.milliseconds for found in several)
    stages = tuple(stage for found in several for stage in found.stages)
    return replace(
        whole, passages=tuple(passages.values()), support=support, milliseconds=spent, stages=stages, signs={}
    )


def _things(text: str, separator: re.Pattern[str]) -> Sequence[str]:
    """Return the things named in `text`, none where one of them is no name of a thing."""
    things = [thing.strip(" ,的") for thing in separator.split(text)]
    things = [re.sub(r"^(?:the|a|an|both|and|or) ", "", thing, flags=re.IGNORECASE) for thing in things]
    if not LEAST_PARTS <= len({thing.lower() for thing in things}) == len(things) <= MOST_PARTS:
        return ()
    is_fit = all(0 < len(thing) <= LONGEST_THING and thing.lower() not in _PRONOUNS for thing in things)
    return things if is_fit else ()


def _asked(things: Sequence[str], match: re.Match[str], *, is_zh: bool) -> tuple[str, ...]:
    groups = match.groupdict()
    aspect = (groups.get("aspect") or "").strip(" ：:?？。.")
    if is_zh:
        aspect = _FRAME_ZH.sub("", aspect)
        return tuple(f"{thing}的{aspect}" if aspect else thing for thing in things)
    front = re.sub(r"^the |\b(?:of|for|in)$", "", (groups.get("front") or "").strip()).strip()
    asked = " ".join(_FRAME_EN.sub(" ", f"{front} {aspect}".strip()).split())
    return tuple(f"{thing} {asked}".strip() for thing in things)
