"""`manage.py parse_prompt TEXT`: how the image studio reads a prompt. Needs no services."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import translation

from apps.images.grammar.attention import Span, parse_attention
from apps.images.grammar.errors import PromptError
from apps.images.grammar.schedule import Stage, parse_schedule

STEPS = 20  # AUTOMATIC1111's own default


class Command(BaseCommand):
    help = "Shows the weights and the stages of an image prompt. Exit code 0: read, 1: refused, with one sentence."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("text", help="The prompt; put -- before one that begins with a dash.")
        parser.add_argument("--steps", type=int, default=STEPS, help="Sampling steps (%(default)s).")
        parser.add_argument("--hires-steps", type=int, default=None, help="Show the second pass, of so many steps.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: object, **options: Any) -> None:
        # An argument that is not UTF-8 comes with surrogates, which nothing can print.
        text = options["text"].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        try:
            spans = parse_attention(text)
            stages = parse_schedule(text, options["steps"], hires_steps=options["hires_steps"])
        except PromptError as error:
            self._refuse(error, as_json=options["json"])
        else:
            self.stdout.write(_as_json(spans, stages) if options["json"] else _as_table(spans, stages))

    def _refuse(self, error: PromptError, *, as_json: bool) -> None:
        with translation.override(None):
            sentence = error.sentence()
        if as_json:
            answer = {"code": error.code, "detail": sentence, "params": dict(error.params)}
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            self.stderr.write(f"refused ({error.code}): {sentence}")
        raise SystemExit(1)


def _as_json(spans: tuple[Span, ...], stages: tuple[Stage, ...]) -> str:
    answer = {
        "attention": [[span.text, -1 if span.is_break else span.weight] for span in spans],
        "schedule": [[stage.until_step, stage.text] for stage in stages],
    }
    return json.dumps(answer, ensure_ascii=False)


def _as_table(spans: tuple[Span, ...], stages: tuple[Stage, ...]) -> str:
    """Return both for people; texts as JSON strings, so that spaces and lines can be seen."""
    weights = [f"{'BREAK' if span.is_break else f'{span.weight:.4g}':>8}  {_quoted(span.text)}" for span in spans]
    steps = [f"{stage.until_step:>8}  {_quoted(stage.text)}" for stage in stages]
    return "\n".join(["  weight  text", *weights, "", "to step  text", *steps])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
