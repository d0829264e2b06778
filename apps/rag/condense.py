"""Makes a follow-up question stand alone, so that a search can find what it speaks of. Plain Python.

A rule does it for every language model: it carries over the nouns of the question before. Tiny models invent when
they are asked to rewrite (docs/adr/0006-default-answer-mode.md); larger instruct models may be asked.
"""

import re
from collections.abc import Generator
from contextlib import closing
from typing import cast

from apps.libraries.lexical import segment
from apps.rag.prompting import as_data
from apps.rag.types import Condensed, History
from apps.runtimes.contracts import ChatModel, Piece, Sampling, Turn

LOOK_BACK = 3  # earlier questions that are searched for what the follow-up speaks of
MOST_TOPICS = 3
SHORTEST, LONGEST = 2, 300  # characters of a rewritten question
SHORT_HAN = 3  # content characters up to which a Chinese question is taken for a follow-up
SHORT_WORDS = 2  # content words up to which an English one is

_HAN = re.compile(r"[\u3400-\u9fff]")
_QUOTED = re.compile(r"《[^》]{1,60}》|「[^」]{1,60}」|“[^”]{1,60}”|\"[^\"]{1,60}\"")
_ZH_POINTS = re.compile(
    r"[它他她]们?的?|其(?!他|中|实|它|余)|(?:这|那|(?<!应)该|(?<![因如彼从])此(?!外))(?:个|些|本|种|款|项|家|座|位|次|部|条|份)?|前者|后者|上面|上述|刚才"
)
_ZH_PRONOUN = re.compile(r"[它他她]们?|其(?!他|中|实|它|余)")
_ZH_FOLLOWS = re.compile(r"^(?:那么?|还有|另外|然后|所以|而且|那)[，,]?|呢[?？]?$")
_ZH_FRAME = re.compile(
    r"什么时候|什么样|什么|为什么|怎么样|怎么办|怎么|怎样|如何|为何|是否|是不是|有没有|能不能|可不可以|可以|能够|应该|需要|哪些|哪里|哪个|哪年|哪"
    r"|谁|多少|多久|多长|多大|多高|几|请问|告诉我|吗|呢|吧|的|了|是|有|在|和|与|会|能|要|被|把|对|从|到|也|都|还|就|这|那|该|此|它|他|她|们|其"
)
_ZH_ASKED = re.compile(
    r"什么时候|为什么|是不是|有没有|什么样?|怎么[样办]?|怎样|如何|哪一?[些里个年天种位]?|多[少久长大高]|几[天个年次种位岁]?"
)
_EN_POINTS = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|there|former|latter|same)\b",
    re.IGNORECASE,
)
_EN_OWNER = re.compile(r"\b(?:its|their)\b", re.IGNORECASE)
_EN_PERSON = re.compile(r"\b(?:he|him|his|she|her|hers)\b", re.IGNORECASE)
_EN_PRONOUN = re.compile(r"\b(?:it|they|them|this|that)\b(?!\s+[A-Za-z]*(?:one|time)\b)", re.IGNORECASE)
_EN_FOLLOWS = re.compile(
    r"^(?:and|but|so|or|also|then|what about|how about|what else|why not|why|who else)\b", re.IGNORECASE
)
_EN_NAME = re.compile(r"\b[A-Z][\w.'’&-]*(?:\s+(?:(?:of|the|and|de|la|von|van|for|in)\s+){0,2}[A-Z0-9][\w.'’&-]*)*")
_EN_WORD = re.compile(r"[A-Za-z][\w'’-]*|\d[\w.-]*")
_EN_FRAME_WORDS = (
    "a an the of in on at to for from by with and or but is are was were be been do does did has have had"
    " can could will would shall should may might must what when where who whom whose which why how many"
    " much long far old it its they them their he him his she her this that these those there i you we me"
    " my your our us about tell please explain describe so also then not if as else any some more most get"
    " got give"
)
_EN_FRAME = frozenset(_EN_FRAME_WORDS.split())

_REWRITE = (
    "Rewrite the last question so that it can be understood without the conversation. Keep its language."
    " Give only the question."
)


def condense(question: str, history: History, chat: ChatModel | None = None) -> Condensed:
    """Return the question to search for: rewritten where it leans on what was said before.

    `chat` is an instruct model that is good enough to rewrite; without one, or where it rambles, the rule serves.
    """
    question = question.strip()
    if not history or not needs_context(question):
        return Condensed(question)
    rewritten = _by_model(question, history, chat) if chat is not None else ""
    rewritten = rewritten or by_rule(question, history)
    return Condensed(rewritten, was_rewritten=rewritten != question)


def needs_context(question: str) -> bool:
    """Return whether the question leans on the conversation: by a pronoun, a connective, or by being very short."""
    if _HAN.search(question):
        points = _ZH_POINTS.search(question) or _ZH_FOLLOWS.search(question)
        return bool(points) or len("".join(_zh_runs(question))) <= SHORT_HAN
    points = _EN_POINTS.search(question) or _EN_FOLLOWS.search(question)
    return bool(points) or (len(_en_content(question)) <= SHORT_WORDS and not _en_names(question))


def by_rule(question: str, history: History) -> str:
    """Return the question with the topics of the latest earlier question that names any."""
    topics = _people(question, history) + _topics(history)
    own = question.lower()
    topics = [topic for topic in topics if topic.lower() not in own][:MOST_TOPICS]
    if not topics:
        return question
    return (_rewrite_zh if _HAN.search(question) else _rewrite_en)(question, topics)[:LONGEST]


def _rewrite_zh(question: str, topics: list[str]) -> str:
    if _ZH_PRONOUN.search(question):  # what a Chinese question is about comes first in it
        return _put(_ZH_PRONOUN, topics[0], question)
    return f"{' '.join(topics)}：{_ZH_FOLLOWS.sub('', question) or question}"


def _rewrite_en(question: str, topics: list[str]) -> str:
    if len(topics) == 1 and not _EN_PERSON.search(question):
        for pattern, ending in ((_EN_OWNER, "'s"), (_EN_PRONOUN, "")):
            if pattern.search(question):
                return _put(pattern, topics[0] + ending, question)
    return f"{question} ({', '.join(topics)})"


def _put(pattern: re.Pattern[str], topic: str, question: str) -> str:
    """Return the question with `topic` in the place of the first pronoun; a backslash in it means nothing."""
    return pattern.sub(lambda _match: topic, question, count=1)


def _people(question: str, history: History) -> list[str]:
    """Return whom "he" or "she" may be: the first name in the answer before, which the question before asked for."""
    answer = history[-1].answer[:LONGEST]
    if _HAN.search(question) or _HAN.search(answer) or not _EN_PERSON.search(question):
        return []
    return _en_names(answer)[:1]


def _topics(history: History) -> list[str]:
    """Return what the latest question that stands alone was about; of those that lean on it, their own names too."""
    for exchange in list(history)[: -LOOK_BACK - 1 : -1]:
        earlier = exchange.question.strip()
        topics = _topics_of(earlier)
        if topics and (not needs_context(earlier) or _has_name(earlier)):
            return topics
    return _topics_of(history[-1].question)


def _topics_of(question: str) -> list[str]:
    quoted = [match.group() for match in _QUOTED.finditer(question)]
    if _HAN.search(question):
        return quoted or _zh_runs(question)
    return quoted or _en_names(question) or [" ".join(_en_content(question)[:6])]


def _has_name(question: str) -> bool:
    return bool(_QUOTED.search(question) or _en_names(question))


def _zh_runs(question: str) -> list[str]:
    """Return the runs of words of a Chinese question that are no part of the asking."""
    runs: list[str] = [""]
    for word in segment(_ZH_ASKED.sub("\n", question)):
        if re.fullmatch(r"[\W_]+", word) or _ZH_FRAME.fullmatch(word):
            runs.append("")
        else:
            runs[-1] += word
    return [run for run in runs if len(run) > 1 or run.isdigit()]


def _en_names(question: str) -> list[str]:
    """Return the capitalised names of an English question, without the word that merely begins it."""
    names: list[str] = []
    for match in _EN_NAME.finditer(question):
        words = match.group().rstrip(".").split()
        while words and words[0].lower() in _EN_FRAME:
            words.pop(0)
        if words and (match.start() > 0 or len(words) > 1 or words[0].isupper() or words[0].lower() not in _EN_FRAME):
            names.append(" ".join(words))
    return [name for place, name in enumerate(names) if name != "I" and name not in names[:place]]


def _en_content(question: str) -> list[str]:
    return [word for word in _EN_WORD.findall(question) if word.lower() not in _EN_FRAME]


def _by_model(question: str, history: History, chat: ChatModel) -> str:
    """Return the model's rewriting, or "" where it is no plain question of sensible length."""
    talk = "\n".join(
        f"Q: {as_data(exchange.question)}\nA: {as_data(exchange.answer)[:400]}" for exchange in history[-LOOK_BACK:]
    )
    turns = [Turn("system", _REWRITE), Turn("user", f"{talk}\nLast question: {as_data(question)}")]
    sampling = Sampling(max_tokens=80, stop=("\n",))
    with closing(cast("Generator[Piece]", chat.stream(chat.render(turns), sampling))) as pieces:
        text = "".join(piece.text for piece in pieces).strip().strip('"“”')
    is_same_language = bool(_HAN.search(text)) == bool(_HAN.search(question))
    return text if SHORTEST <= len(text) <= LONGEST and is_same_language else ""
