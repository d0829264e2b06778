"""`manage.py ask "…" --library NAME`: answers one question in this process and shows its sources."""

import json
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import AppError
from apps.libraries.models import Library
from apps.rag.pipeline import answer
from apps.rag.tools import build_tools
from apps.rag.types import Cite, Condensed, Delta, Finished, Retrieved, Scope, Step
from apps.runtimes.contracts import RuntimeFailure
from apps.users.models import Team

QUOTE_CHARS = 160  # of a source's words in the list
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


class Command(BaseCommand):
    help = "Answers a question from a library, with numbered sources. Runs the models in this process, without workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("question")
        parser.add_argument("--library", required=True, help="name of the library to ask")
        parser.add_argument("--team", default="", help="name of the team; may be left out where there is only one")
        parser.add_argument("--mode", choices=["auto", "generate", "quote"], default="auto")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of the text as it comes")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["question"].strip():
            raise CommandError("Type a question.")
        library = _library(_team(options["team"]), options["library"])
        try:
            tools = build_tools(scope=Scope.whole(library.team_id, (library.pk,)), mode=options["mode"])
            steps = answer(options["question"], (), tools)
            if options["json"]:
                self.stdout.write(json.dumps(_summary(steps), ensure_ascii=False))
            else:
                self._show(steps)
        except (AppError, RuntimeFailure) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped.", returncode=130) from None

    def _show(self, steps: Iterator[Step]) -> None:
        shown = ""
        for step in steps:
            if isinstance(step, Delta):
                shown += step.text
                self.stdout.write(_unescaped(step.text), ending="")
                self.stdout.flush()
            elif isinstance(step, Finished):
                if step.text != shown:  # what was streamed turned out to be borne out by nothing
                    self.stdout.write("\n\n" + _unescaped(step.text), ending="")
                self.stdout.write("\n")
                for cite in step.citations:
                    self.stdout.write(_source(cite))


def _summary(steps: Iterator[Step]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for step in steps:
        match step:
            case Condensed():
                summary["question"] = step.question
            case Retrieved():
                summary |= {"mode": step.mode, "support": round(step.found.support, 4), "passages": len(step.passages)}
            case Finished():
                summary |= {
                    "answer": step.text,
                    "is_refusal": step.is_refusal,
                    "citations": [_described(cite) for cite in step.citations],
                    "seconds": step.seconds,
                }
            case _:
                pass
    return summary


def _described(cite: Cite) -> dict[str, Any]:
    passage = cite.passage
    return {
        "number": cite.number,
        "document": passage.document_name,
        "document_id": str(passage.document_id),
        "chunk_id": str(passage.chunk_id),
        "page": passage.page_from,
        "heading_path": list(passage.heading_path),
        "quote": cite.quote,
        "text": passage.text,
    }


def _source(cite: Cite) -> str:
    passage = cite.passage
    page = f" p. {passage.page_from}" if passage.page_from else ""
    place = "".join(f" › {heading}" for heading in passage.heading_path)
    words = " ".join((cite.quote or passage.text).split())
    return f"[{cite.number}] {passage.document_name}{page}{place}\n    {words[:QUOTE_CHARS]}"


def _unescaped(markdown: str) -> str:
    return _ESCAPED.sub(r"\1", markdown)


def _team(name: str) -> Team:
    teams = list(Team.objects.filter(name=name) if name else Team.objects.order_by("created_at")[:2])
    if not teams:
        raise CommandError(f"There is no team named {name!r}." if name else "There is no team yet.")
    if len(teams) > 1:
        raise CommandError("There are several teams; name one with --team.")
    return teams[0]


def _library(team: Team, name: str) -> Library:
    library = Library.objects.filter(team=team, name=name, deleted_at=None).first()
    if library is None:
        raise CommandError(f"The team {team.name} has no library named {name!r}.")
    return library
