"""The inbox of gaps: what people ask in a library and do not find."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import NotFound
from apps.core.text import uuid_or_none
from apps.evaluation import gap_work, gaps
from apps.evaluation.access import access_gap
from apps.evaluation.errors import NoSuchEditor
from apps.evaluation.gap_tasks import ring_rerun
from apps.evaluation.models import Gap, GapQuestion
from apps.libraries.access import access_whole_library
from apps.libraries.models import Library
from apps.libraries.views.responses import toast
from apps.libraries.views.shared import head
from apps.users.requests import PersonRequest

PAGE_ROWS = 25
CHANGED = "kb:gaps"
BAR_WIDTH, BAR_GAP, BAR_HEIGHT = 10, 3, 32


@dataclass(frozen=True, slots=True)
class Bar:
    """One week of the plot, in its units; `y` counts from the top."""

    x: int
    y: float
    height: float
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """A question of a gap, why it is one, and whether it is answered now."""

    question: GapQuestion
    why: str


@login_required
@require_safe
def gap_list(request: PersonRequest, library_id: UUID) -> HttpResponse:
    """Show the gaps of one state; editors only."""
    library = access_whole_library(request.user, library_id)
    return render(request, "evaluation/gaps.html", _listing(request, library))


def _listing(request: PersonRequest, library: Library) -> dict[str, object]:
    state = request.GET.get("state", "")
    state = state if state in Gap.State.values else Gap.State.OPEN
    counts = gaps.counts_of(library)
    page = Paginator(gaps.gaps_of(library, state), PAGE_ROWS).get_page(request.GET.get("page"))
    return head(request, library) | {
        "tab": "evaluation",
        "section": "gaps",
        "state": state,
        "states": [(value, label, counts[value]) for value, label in Gap.State.choices],
        "page": page,
        "page_prefix": f"?state={state}&",
        "kept_days": gaps.kept_days(),
    }


@login_required
@require_safe
def gap_page(request: PersonRequest, library_id: UUID, gap_id: UUID) -> HttpResponse:
    """Show one gap: its questions, who asked them, and what can be done."""
    gap = access_gap(request.user, library_id, gap_id)
    return render(request, "evaluation/gap.html", _sheet(request, gap))


def _sheet(request: PersonRequest, gap: Gap) -> dict[str, object]:
    weeks = gaps.weeks_of(gap)
    return head(request, gap.library) | {
        "tab": "evaluation",
        "section": "gaps",
        "gap": gap,
        "rows": [Row(each, gap_work.is_of(each.asked)) for each in gap_work.asked_of(gap)],
        "bars": _bars(weeks),
        "plot_width": len(weeks) * (BAR_WIDTH + BAR_GAP),
        "plot_height": BAR_HEIGHT,
        "editors": list(gap_work.editors_of(gap.library)),
        "is_rerunning": gap.rerun.get("state") == "running",
    }


def _bars(counts: list[int]) -> list[Bar]:
    most = max(counts) or 1
    heights = [max(2.0, count / most * BAR_HEIGHT) if count else 1.0 for count in counts]
    return [
        Bar(place * (BAR_WIDTH + BAR_GAP), BAR_HEIGHT - height, height, count)
        for place, (height, count) in enumerate(zip(heights, counts, strict=True))
    ]


@login_required
@require_POST
def gap_change(request: PersonRequest, library_id: UUID, gap_id: UUID) -> HttpResponse:
    """Assign a gap and note something about it."""
    gap = access_gap(request.user, library_id, gap_id)
    if "assignee" in request.POST:
        asked = request.POST["assignee"]
        assignee_id = uuid_or_none(asked)
        if asked and assignee_id is None:
            raise NoSuchEditor
        gap_work.assign(user=request.user, gap=gap, assignee_id=assignee_id)
    if "note" in request.POST:
        gap_work.note(gap=gap, text=request.POST["note"])
    return toast(_("Saved."), then=CHANGED)


@login_required
@require_POST
def gap_move(request: PersonRequest, library_id: UUID, gap_id: UUID) -> HttpResponse:
    """Close, dismiss or reopen a gap."""
    gap = access_gap(request.user, library_id, gap_id)
    said = {
        Gap.State.CLOSED: _("The gap is closed. Its questions are asked again now."),
        Gap.State.DISMISSED: _("The gap is dismissed. It comes back only when you reopen it."),
        Gap.State.OPEN: _("The gap is open again."),
    }
    state = request.POST.get("state", "")
    if state not in Gap.State.values:
        raise NotFound
    gap_work.move(user=request.user, gap=gap, state=Gap.State(state), ring=ring_rerun)
    return toast(said[Gap.State(state)], then=CHANGED)


@login_required
@require_POST
def gap_rerun(request: PersonRequest, library_id: UUID, gap_id: UUID) -> HttpResponse:
    """Ask the questions of a gap again."""
    gap = access_gap(request.user, library_id, gap_id)
    gap_work.queue_rerun(gap, ring_rerun)
    return toast(_("The questions are asked again."), then=CHANGED)
