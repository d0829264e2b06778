"""The words of drafted questions: prompts for the chat model, what is kept of its answer, and drafts by rule.

Plain Python. A passage is data: it is joined to a prompt, never formatted or rendered as a template.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apps.libraries.lexical import analyse, analyse_question
from apps.rag.prompting import as_data
from apps.rag.sentences import split
from apps.rag.types import Language
from apps.runtimes.contracts import ChatModel, Turn

LONGEST_PASSAGE = 900  # characters that the model reads of a passage
SHORTEST, LONGEST = 6, 200  # of a question, characters
GAP = "____"
STOP = ("\n",)

_SYSTEM: dict[Language, str] = {
    "en": "You write one short question that the given text answers. Write the question alone, in English.",
    "zh": "你为给出的文字写一个它能回答的简短问题。只写问题本身，用中文。",
}
_ASKS: dict[Language, str] = {"en": "Text: ", "zh": "文字："}
_LABELS: dict[Language, tuple[str, str]] = {"en": ("Text: ", "Question:"), "zh": ("文字：", "问题：")}
# Worked examples, for base models and small ones; about nothing that a library holds.
_EXAMPLES: dict[Language, tuple[tuple[str, str], ...]] = {
    "en": (
        ("The Lindeth ferry has crossed the bay since 1931. It carries 40 people.",
         "How many people does the Lindeth ferry carry?"),
        ("Visitors may use the reading room from Monday to Friday. Bags are left at the door.",
         "On which days is the reading room open?"),
        ("The Orla glass works closed in 1974 because sand from the river ran out.",
         "Why did the Orla glass works close?"),
    ),
    "zh": (
        ("临江渡口建于1931年，由周以安主持修建，每次可载40人。", "临江渡口是谁主持修建的？"),
        ("阅览室周一至周五对外开放，来访者须把背包存放在门口。", "阅览室星期几开放？"),
        ("因为河沙耗尽，奥兰玻璃厂于1974年停产。", "奥兰玻璃厂为什么停产？"),
    ),
}  # fmt: skip
# A question about the text itself asks nothing that anybody would ask a library.
_ABOUT_THE_TEXT = re.compile(
    r"\b(?:this|the|given|above|following) (?:text|passage|document|article|paragraph|section|author|question)\b"
    r"|\bmain (?:idea|topic|purpose|point)\b|\bsummar|(?:这段|本段|该段|上述|给出的)?(?:文字|短文|段落|文本|本文|作者)",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^(?:question|q|问题|问)\s*\d*\s*[:：.]\s*|^[-*•\d.)\s]+(?=\D)|^[\"“「']+", re.IGNORECASE)
_TAIL = re.compile(r"[\"”」']+$")
_ASKING_END = ("?", "？")
# What a gap takes out: a number with its unit, a date, a name in quotes or capitals.
_GAPS = re.compile(
    r"(?<![A-Za-z0-9.,-])\d[\d.,:/-]*\s?[万亿]?(?:%|％|percent|days?|weeks?|months?|years?|hours?|minutes?|euros?|dollars?|"
    r"年|月|日|天|小时|分钟|元|万元|人|个|米|公里|岁|次)?"
    r"|(?<=《)[^《》]{2,20}(?=》)|(?<=“)[^“”]{2,20}(?=”)"
    r"|(?<=[a-z,;] )[A-Z][a-z]+(?: [A-Z][a-z]+)+"
)
_GAP_CHARS: dict[Language, tuple[int, int]] = {"en": (25, 160), "zh": (12, 100)}  # of a sentence with a gap
_GAP_WORDS: dict[Language, str] = {"en": "Fill the gap: “%s”", "zh": "填空：“%s”"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A question and, where a rule made it, its answer and why it is one."""

    text: str
    answers: tuple[str, ...] = ()
    is_rule: bool = False


def prompt_for(passage: str, heading: Sequence[str], language: Language, chat: ChatModel) -> str:
    """Return the prompt for a question about a passage; examples go first, since small models need them."""
    text = as_data(" ".join(passage.split())[:LONGEST_PASSAGE])
    if heading:
        text = f"{as_data(' › '.join(heading))}: {text}"
    if not chat.is_instruct:
        given, asked = _LABELS[language]
        examples = "".join(f"{given}{shown}\n{asked} {question}\n\n" for shown, question in _EXAMPLES[language])
        return f"{examples}{given}{text}\n{asked}"
    turns = [Turn("system", _SYSTEM[language])]
    for shown, question in _EXAMPLES[language]:
        turns += [Turn("user", _ASKS[language] + shown), Turn("assistant", question)]
    return chat.render([*turns, Turn("user", _ASKS[language] + text)])


def question_in(said: str, passage: str) -> str:
    """Return the question that a model wrote, "" where it is none that the passage can answer."""
    line = next((line.strip() for line in said.splitlines() if line.strip()), "")
    line = _TAIL.sub("", _LEAD.sub("", line)).strip()
    ends = [line.find(sign) for sign in _ASKING_END if sign in line]
    line = line[: min(ends) + 1] if ends else ""
    if not SHORTEST <= len(line) <= LONGEST or _ABOUT_THE_TEXT.search(line):
        return ""
    asked, told = set(analyse_question(line)), set(analyse(passage))
    return line if len(asked & told) >= min(2, len(asked)) and asked else ""


def by_rule(passage: str, heading: Sequence[str], questions: Sequence[str], language: Language) -> Draft | None:
    """Return a draft without a model: a question that the passage was given, a heading that asks, or a gap text."""
    for told in (*questions, *reversed(heading)):
        plain = " ".join(told.split())
        if plain.endswith(_ASKING_END) and SHORTEST <= len(plain) <= LONGEST:
            return Draft(plain, is_rule=True)
    return _gap(passage, language)


def _gap(passage: str, language: Language) -> Draft | None:
    """Return the first sentence with a number, a date or a name, without it."""
    least, most = _GAP_CHARS[language]
    for sentence in split(passage):
        plain = " ".join(sentence.text.split())
        places = [each for each in _GAPS.finditer(plain) if each.start() > 0] if least <= len(plain) <= most else []
        found = max(places, key=lambda each: len(each.group().strip(" .,:/-")), default=None)
        if found and (missing := found.group().strip(" .,:/-")):
            text = plain[: found.start()] + GAP + plain[found.start() + len(missing) :]
            return Draft(_GAP_WORDS[language] % text, (missing,), is_rule=True)
    return None
