"""Composes what the pipeline needs from the catalogue, the registry and the search. Loads no model by itself."""

from dataclasses import replace
from functools import partial
from typing import Literal

from django.conf import settings as django_settings

from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.libraries.models import Library
from apps.rag.asking import with_filters
from apps.rag.lookup import look
from apps.rag.options import SearchOptions, SearchSettings, agreed, stored_settings
from apps.rag.pipeline import Limits, Tools
from apps.rag.remembering import Remembering
from apps.rag.search import SearchTools, search
from apps.rag.types import Found, Language, Mode, Scope
from apps.runtimes.registry import chat_model

AskedMode = Literal["auto", "generate", "quote"]

# What answers best per language with the packaged models, by `evaluate_answers`: docs/adr/0006-default-answer-mode.md.
DEFAULT_MODE: dict[Language, Mode] = {"zh": "quote", "en": "quote"}

SMALL_BYTES = 1_000_000_000  # a file below this, about 1.5 billion weights, follows no instructions
SMALL_PASSAGES = 3
SMALL_PASSAGE_TOKENS = 180
SMALL_ANSWER_TOKENS = 80
FOUND_PER_PASSAGE = 2  # chunks asked for per passage given: repeats go and neighbours merge


def build_tools(
    *,
    scope: Scope,
    mode: str,
    model: AIModel | None = None,
    settings: SearchSettings | None = None,
    is_strict: bool = False,
    uses_curated: bool = True,
) -> Tools:
    """Return the tools for answering in `scope`, whose libraries a gate has checked.

    `mode` is AskedMode; "auto" quotes or generates, whichever is measured to be better for the model and the
    question's language. `model` None means the default chat model; where there is none, answers are quoted.
    `settings` None means those that the libraries agree on; an answer is strict where they or `is_strict` ask for it.
    `uses_curated` False searches also where an editor has answered the question.
    Raises NoModel where there is no embedding model, and for `mode` "generate" where there is no chat model.
    """
    chosen = model or _default_chat(is_needed=mode == "generate")
    settings = settings or settings_for(scope)
    limits = limits_for(chosen, settings.passages)
    tools = SearchTools.default()
    tools = replace(tools, embedder=Remembering(tools.embedder))
    find = partial(_search, scope, tools, limits.passages * FOUND_PER_PASSAGE)
    return Tools(
        search=partial(find, settings.options),
        narrow=lambda filters: partial(find, with_filters(settings.options, filters)),
        embed=tools.embedder.embed_queries,
        mode=partial(choose_mode, mode, is_small=limits.is_small, has_model=chosen is not None),
        chat=partial(chat_model, spec_of(chosen)) if chosen is not None else None,
        curated=partial(look, scope, tools) if uses_curated else None,
        libraries=len(scope.library_ids),
        limits=limits,
        is_strict=is_strict or settings.is_strict,
    )


def choose_mode(asked: str, language: Language, *, is_small: bool, has_model: bool) -> Mode:
    """Return what answers a question in `language`; a large model generates unless quotes are asked for."""
    if asked == "quote" or not has_model:
        return "quote"
    if asked == "generate" or not is_small:
        return "generate"
    return DEFAULT_MODE[language]


def settings_for(scope: Scope) -> SearchSettings:
    """Return the search settings that the libraries of `scope` agree on."""
    rows = Library.objects.filter(pk__in=scope.library_ids, team=scope.team_id).values_list("search", flat=True)
    return agreed([stored_settings(row) for row in rows])


def limits_for(model: AIModel | None, passages: int | None = None) -> Limits:
    """Return how much `model` is given to read and may say; None: what quoting uses.

    `passages` is what the libraries ask for; None: what the installation says.
    """
    env = django_settings.ENV
    passages = passages or env.answer_passages
    if model is None or not 0 < model.size_bytes < SMALL_BYTES:
        return Limits(passages=passages, given=passages, answer_tokens=env.answer_max_tokens, is_small=False)
    return Limits(
        passages=passages,
        given=min(SMALL_PASSAGES, passages),
        passage_tokens=SMALL_PASSAGE_TOKENS,
        answer_tokens=min(SMALL_ANSWER_TOKENS, env.answer_max_tokens),
        is_small=True,
    )


def _default_chat(*, is_needed: bool) -> AIModel | None:
    try:
        return default_model(AIModel.Kind.CHAT)
    except NoModel:
        if is_needed:
            raise
        return None


def _search(scope: Scope, tools: SearchTools, k: int, options: SearchOptions, question: str) -> Found:
    return search(scope, question, k=k, options=options, tools=tools)
