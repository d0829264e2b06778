"""Words and figures of question sets and runs."""

import json
from collections.abc import Mapping

from django import template
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from apps.core.errors import sentence_of
from apps.evaluation import alarms, run_overview
from apps.evaluation.importing import Checked
from apps.evaluation.models import Run, RunResult
from apps.evaluation.picking import Choice
from apps.users.models import Team, User

register = template.Library()
LEAST = 0.0005
Gold = Mapping[str, str]


@register.filter
def share(value: float | str | None) -> str:
    """Return a share 0 to 1 with three digits, "–" where there is none."""
    return f"{value:.3f}" if isinstance(value, int | float) else "–"


@register.filter
def change(value: float | None) -> SafeString | str:
    """Return a change with its sign, marked as gain or loss; nothing where nothing changed."""
    if value is None or abs(value) < LEAST:
        return ""
    kind, text = ("better", gettext("better by")) if value > 0 else ("worse", gettext("worse by"))
    sign = "+" if value > 0 else "\u2212"
    return format_html(
        '<small class="change" data-change="{}"><span class="sr-only">{} </span>{}{}</small>',
        kind, text, sign, f"{abs(value):.3f}",
    )  # fmt: skip


@register.filter
def falls(run: Run) -> list[tuple[str | Promise, float, float]]:
    """Return what fell in a run: (words, before, now)."""
    return run_overview.falls(run)


@register.filter
def figures(result: RunResult) -> list[tuple[str | Promise, str]]:
    """Return the measures of one question in words."""
    present = [(name, label) for name, label in run_overview.WORDS.items() if name in result.metrics]
    return [(label, share(result.metrics[name])) for name, label in present if not name.startswith("recall")]


@register.filter
def result_row(result: RunResult) -> run_overview.ResultRow:
    """Return a result in words, with the colour of its dot."""
    return run_overview.row_of(result)


@register.filter
def line_problem(line: Checked) -> str:
    """Return why a line cannot be imported, in the reader's language."""
    return sentence_of(line.code, line.params) if line.code else ""


@register.filter
def sentence(code: str) -> str:
    """Return the sentence of a stored failure."""
    return sentence_of(code, {})


@register.filter
def as_gold(entry: Gold) -> str:
    """Return a gold passage as the form sends it."""
    return json.dumps({key: entry.get(key, "") for key in ("document", "name", "quote")}, ensure_ascii=False)


@register.filter
def choice_gold(choice: Choice) -> str:
    """Return a found passage as a gold passage of the form."""
    return as_gold({"document": choice.document, "name": choice.name, "quote": choice.text})


@register.filter
def document_gold(choice: Choice) -> str:
    """Return the document of a found passage as gold: any passage of it."""
    return as_gold({"document": choice.document, "name": choice.name, "quote": ""})


@register.simple_tag
def open_alarms(user: User, team: Team | None) -> list[Run]:
    """Return the runs of the team that are worse than before and that nobody took note of: for the bell."""
    return list(alarms.open_alarms(user, team)[:4])


@register.filter
def state_words(run: Run) -> str:
    """Return how a run stands, in words."""
    if run.state == Run.State.RUNNING:
        return gettext("%(done)s of %(total)s") % {"done": run.progress_done, "total": run.progress_total}
    return str(run.get_state_display())
