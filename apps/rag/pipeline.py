"""From a question to a cited answer, as a stream of steps. Plain Python: everything it needs comes in `Tools`."""

import re
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import cast

from apps.rag.asking import merged, parse
from apps.rag.citations import Binder, Evidence
from apps.rag.comparing import interleaved, parts_of
from apps.rag.condense import condense
from apps.rag.curating import Looked, passage_of, with_mark
from apps.rag.fusion import language_of
from apps.rag.grounding import Grounding
from apps.rag.options import Filters, filters_as_json
from apps.rag.passages import Given, Room, pack, where_it_stands
from apps.rag.prompting import Prompt, build_prompt
from apps.rag.quoting import Quoted, Weighing, best_sentences
from apps.rag.refusal import gives_up, is_supported, refuse
from apps.rag.support import Signs, support_with
from apps.rag.tracing import Stopwatch, facts_of_condensed, facts_of_found, facts_of_given, facts_of_sentences
from apps.rag.types import (
    Cite,
    Condensed,
    Curated,
    Delta,
    Finished,
    Found,
    History,
    Language,
    Mode,
    Passage,
    Retrieved,
    Sentence,
    Step,
)
from apps.runtimes.contracts import ChatModel, Floats, Piece, Sampling

PARAGRAPH = "\n\n"
PROMPT_TOKENS = 300  # of instructions, examples and frames
HISTORY_SHARE = 4  # the talk before may take a quarter of the context
MIN_PASSAGE_TOKENS = 64
# What is compared is often a title: quote what is said under it.
OF_EACH_THING = Weighing(fragment=3.0, titled=1.0)

# Characters that markdown would act on; a quotation is shown as it was written.
_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~]|&(?=#?\w+;)|^[#+=-]|(?<=^\d)[.)]|(?<=^\d\d)[.)]")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is given to the model and taken from it; a small model reads few and short passages."""

    passages: int = 6  # to quote from
    given: int = 6  # to a language model
    passage_tokens: int = 700  # of each of those
    answer_tokens: int = 400
    quotes: int = 2
    is_small: bool = False  # too small to follow instructions, to rewrite questions or to cite by itself


@dataclass(frozen=True, slots=True)
class Tools:
    """What the pipeline composes. `chat` loads the model on its first call: quoting needs none."""

    search: Callable[[str], Found]
    embed: Callable[[Sequence[str]], Floats]
    mode: Callable[[Language], Mode]
    chat: Callable[[], ChatModel] | None = None
    curated: Callable[[str], Looked] | None = None  # editors' answers to close questions; None: they are passed over
    libraries: int = 1
    limits: Limits = Limits()
    is_strict: bool = False  # sentences that the passages do not bear out are left out, weak questions refused
    narrow: Callable[[Filters], Callable[[str], Found]] | None = None  # the same search among what filters let through


def answer(question: str, history: History, tools: Tools, *, corrected: str = "") -> Iterator[Step]:
    """Yield `Condensed`, `Retrieved`, then `Delta`s, then one `Finished`. Closing the iterator stops the model.

    The deltas joined are the text of `Finished`, unless that is a refusal: then it replaces them. `corrected` is what
    the asker wants to be searched for in place of the question. Raises RuntimeFailure where a model breaks.
    """
    watch = Stopwatch()
    asked, correction = parse(question), parse(corrected)
    history = [replace(exchange, question=parse(exchange.question).text) for exchange in history]
    filters = merged(asked.filters, correction.filters)
    if filters and tools.narrow is not None:
        tools = replace(tools, search=tools.narrow(filters))
    condensed = replace(
        _condense(asked.text, history, tools, correction.text), operators=(*asked.operators, *correction.operators)
    )
    facts = facts_of_condensed(asked.text, condensed, len(history))
    watch.lap("condense", **facts, **({"filters": filters_as_json(filters)} if filters else {}))
    yield condensed
    is_narrowed = bool(replace(filters, preferred=()))  # quotes that only name a thing narrow nothing
    if not is_narrowed and (curated := _curated(condensed, tools, watch)):
        yield from _given(curated, watch)
        return
    found = _search(condensed, tools, watch)
    given = _all_text(condensed, found, tools)
    quoted = _quotes(condensed, found, given, tools)
    found = _weighed(found, quoted)
    watch.lap("support", support=round(found.support, 4), signs=_rounded(found.signs))
    if not is_supported(found, is_strict=tools.is_strict):
        yield from _refuse(found, given, tools, watch)
    elif tools.mode(found.language) == "quote" or tools.chat is None:
        yield from _quote(quoted, found, given, tools, watch)
    else:
        yield from _generate(condensed, found, history, tools, watch)


def _condense(question: str, history: History, tools: Tools, corrected: str) -> Condensed:
    """Return what to search for: as the asker corrected it, else rewritten where it leans on the talk before."""
    if corrected:
        condensed = Condensed(corrected, was_rewritten=corrected != question, is_corrected=True)
    else:
        condensed = condense(question, history, _rewriter(history, tools))
    return replace(condensed, parts=parts_of(condensed.question))


def _search(condensed: Condensed, tools: Tools, watch: Stopwatch) -> Found:
    """Search for the question, and where it compares things for each of them as well."""
    several: list[Found] = []
    for asked in (*condensed.parts, condensed.question):
        found = tools.search(asked)
        watch.lap("search", **facts_of_found(found), **({"part": asked} if condensed.parts else {}))
        watch.within(found.stages)
        several.append(found)
    return interleaved(several)


def _weighed(found: Found, quoted: Quoted) -> Found:
    """Return what was found with its support by the best sentences as well.

    A comparison is as well supported as its parts are, and sentences of another language say nothing by their words.
    """
    is_told = not found.signs or not found.passages or language_of(found.passages[0].text) != found.language
    if is_told:
        return found
    support = support_with(Signs(**found.signs), quoted.quotable)
    return replace(found, support=support, signs={**found.signs, **asdict(quoted.quotable, dict_factory=_quoted)})


def _quoted(fields: list[tuple[str, float]]) -> dict[str, float]:
    return {f"quoted_{name}": value for name, value in fields}


def _rounded(signs: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in signs.items()}


def _curated(condensed: Condensed, tools: Tools, watch: Stopwatch) -> Curated | None:
    """Return the answer that an editor wrote for this question, if there is one."""
    if tools.curated is None:
        return None
    looked = tools.curated(condensed.question)
    watch.lap("curated", **looked.facts)
    return looked.curated


def _given(curated: Curated, watch: Stopwatch) -> Iterator[Step]:
    """Give an editor's answer, word for word."""
    yield curated
    text = with_mark(curated.answer)
    yield Delta(text)
    cite = Cite(1, passage_of(curated), curated_id=curated.curated_id)
    yield Finished(text, (cite,), seconds=watch.seconds, stages=watch.stages, curated=curated)


def as_written(text: str) -> str:
    """Return markdown that shows `text` as it is: a quotation is never a link, a picture, a list or a mark."""
    return _MARKDOWN.sub(lambda match: "\\" + match.group(), " ".join(text.split()))


def _rewriter(history: History, tools: Tools) -> ChatModel | None:
    """Return the chat model if it is fit to rewrite a question that has a history."""
    if not history or tools.limits.is_small or tools.chat is None:
        return None
    chat = tools.chat()
    return chat if chat.is_instruct else None


def _refuse(found: Found, given: Sequence[Given], tools: Tools, watch: Stopwatch) -> Iterator[Step]:
    """Refuse before any model is asked."""
    yield Retrieved(found, _passages(given), tools.libraries, mode=_mode(found, tools))
    text, cites = refuse(found.language, tools.libraries, given)
    yield Delta(text)
    watch.lap("generate", refused=True)
    yield Finished(text, cites, is_refusal=True, seconds=watch.seconds, stages=watch.stages)


def _quote(quoted: Quoted, found: Found, given: Sequence[Given], tools: Tools, watch: Stopwatch) -> Iterator[Step]:
    """Answer with sentences of the passages: each stands there word for word."""
    yield Retrieved(found, _passages(given), tools.libraries, mode="quote")
    watch.lap("prompt", **facts_of_given(_passages(given)))
    text = ""
    cites = [replace(cite, support=1.0) for cite in quoted.cites]
    sentences: list[Sentence] = []
    for cite in cites:
        written = as_written(cite.quote)
        start = len(text) + len(PARAGRAPH) * bool(text)
        piece = f"{PARAGRAPH if text else ''}{written} [{cite.number}]"
        text += piece
        sentences.append(Sentence(start, start + len(written), 1.0, "supported", (cite.number,)))
        yield Delta(piece)
    watch.lap("generate", mode="quote", quotes=len(cites), **facts_of_sentences(sentences))
    yield Finished(text, _one_per_number(cites), seconds=watch.seconds, stages=watch.stages, sentences=tuple(sentences))


def _quotes(condensed: Condensed, found: Found, given: Sequence[Given], tools: Tools) -> Quoted:
    """Return the sentences to quote; of a comparison the best for each of its parts."""
    most = tools.limits.quotes
    if not condensed.parts:
        return best_sentences(found.said or condensed.question, given, tools.embed, most=most)
    each = [
        best_sentences(part, given, tools.embed, most=max(1, most - 1), weighing=OF_EACH_THING)
        for part in condensed.parts
    ]
    cites = {cite.quote: cite for quoted in each for cite in quoted.cites}
    weakest = min((quoted.quotable for quoted in each), key=lambda quotable: quotable.coverage)
    return Quoted(tuple(cites.values()), weakest)


def _generate(condensed: Condensed, found: Found, history: History, tools: Tools, watch: Stopwatch) -> Iterator[Step]:
    """Answer with the language model."""
    chat = cast("Callable[[], ChatModel]", tools.chat)()
    room = _room(condensed.question, tools.limits, chat)
    given = pack(condensed.question, found.passages, room)
    prompt = build_prompt(
        condensed.question, given, history, chat, language=found.language, is_small=tools.limits.is_small
    )
    yield Retrieved(found, _passages(given), tools.libraries, prompt.trimmed_turns, mode="generate")
    tokens_in = chat.count_tokens(prompt.text)
    watch.lap("prompt", **facts_of_given(_passages(given)), prompt_tokens=tokens_in, trimmed_turns=prompt.trimmed_turns)
    binder = Binder(
        given,
        Evidence(condensed.question, given),
        grounding=Grounding(given, tools.embed),
        trusts_marks=not tools.limits.is_small,
        is_strict=tools.is_strict,
    )
    tokens = yield from _stream(chat, prompt, tools.limits, binder, watch)
    watch.lap("generate", tokens=tokens, mode="generate", **facts_of_sentences(binder.sentences))
    text, cites = binder.text, tuple(where_it_stands(binder.cites[number]) for number in sorted(binder.cites))
    is_refusal = not cites or gives_up(text)
    sentences = () if is_refusal else tuple(binder.sentences)
    if is_refusal:
        text, cites = refuse(found.language, tools.libraries, given)
    yield Finished(text, cites, is_refusal, tokens_in, tokens, watch.seconds, sentences, watch.stages)


def _stream(
    chat: ChatModel, prompt: Prompt, limits: Limits, binder: Binder, watch: Stopwatch
) -> Generator[Step, None, int]:
    """Yield what the model says, with the server's marks; return the number of its tokens."""
    total = fresh = 0  # tokens of all pieces, and of those whose text is still held back
    sampling = Sampling(max_tokens=limits.answer_tokens, repeat_penalty=1.1, stop=prompt.stop)
    with closing(cast("Generator[Piece]", chat.stream(prompt.text, sampling))) as pieces:
        for piece in pieces:
            if not piece.tokens and not piece.text:
                yield Delta("")  # the model still reads: whoever wants to stop it can do so here
                continue
            if not total:
                watch.lap("first_token")
            total, fresh = total + piece.tokens, fresh + piece.tokens
            text = binder.feed(piece.text if binder.has_begun else piece.text.lstrip())
            if text:
                yield Delta(text, fresh)
                fresh = 0
    rest = binder.finish()
    if rest or fresh:
        yield Delta(rest, fresh)
    return total


def _room(question: str, limits: Limits, chat: ChatModel) -> Room:
    """Return how much of the model's context the passages may take."""
    taken = limits.answer_tokens + chat.count_tokens(question) + PROMPT_TOKENS
    if not limits.is_small:
        taken += chat.context_tokens // HISTORY_SHARE
    left = max(MIN_PASSAGE_TOKENS, chat.context_tokens - taken)
    return Room(limits.given, left, limits.passage_tokens, chat.count_tokens)


def _all_text(condensed: Condensed, found: Found, tools: Tools) -> tuple[Given, ...]:
    """Return the passages to quote from or to offer: no model reads them, so their length does not matter."""
    return pack(condensed.question, found.passages, Room(tools.limits.passages, sys.maxsize, sys.maxsize, len))


def _passages(given: Sequence[Given]) -> tuple[Passage, ...]:
    return tuple(each.passage for each in given)


def _mode(found: Found, tools: Tools) -> Mode:
    return tools.mode(found.language) if tools.chat else "quote"


def _one_per_number(cites: Sequence[Cite]) -> tuple[Cite, ...]:
    """Return the citations in order of their numbers, of each passage the first, as the strongest."""
    kept: dict[int, Cite] = {}
    for cite in cites:
        kept.setdefault(cite.number, cite)
    return tuple(where_it_stands(kept[number]) for number in sorted(kept))
