"""What editors do with gaps: assign, note, close (which asks its questions again), reopen, dismiss."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.audit import services as audit
from apps.catalog.errors import NoModel
from apps.evaluation.errors import NoSuchEditor
from apps.evaluation.gaps import text_of
from apps.evaluation.models import Gap, GapQuestion
from apps.libraries.models import AskedQuestion, Library
from apps.rag.pipeline import answer
from apps.rag.tools import build_tools
from apps.rag.types import Finished, Retrieved, Scope
from apps.runtimes.contracts import RuntimeFailure
from apps.users.models import Membership, Role, User

NOTE_MAX = 2_000
ASKED_AGAIN = 50  # different questions of a gap that are asked again, the latest first
SILENT_AFTER = timedelta(minutes=10)  # a rerun that nobody wrote to for so long died with its worker
State = Gap.State


def editors_of(library: Library) -> QuerySet[User]:
    """Return who can close a gap of a library."""
    roles = [role.value for role in Role if role.covers(Role.EDITOR)]
    members = Membership.objects.live().filter(team=library.team_id, role__in=roles)
    return User.objects.filter(memberships__in=members).order_by("name", "email")


def assign(*, user: User, gap: Gap, assignee_id: UUID | None) -> Gap:
    """Give a gap to an editor of its library, or to nobody. Raises NoSuchEditor."""
    assignee = editors_of(gap.library).filter(pk=assignee_id).first() if assignee_id else None
    if assignee_id and assignee is None:
        raise NoSuchEditor
    gap.assignee = assignee
    gap.save(update_fields=["assignee", "updated_at"])
    audit.record("gap.assigned", actor=user, team=gap.team, target=gap)
    return gap


def note(*, gap: Gap, text: str) -> Gap:
    """Keep what the editors write about a gap."""
    gap.note = text.replace("\0", "").strip()[:NOTE_MAX]
    gap.save(update_fields=["note", "updated_at"])
    return gap


@transaction.atomic
def move(*, user: User, gap: Gap, state: State, ring: Callable[[UUID], None]) -> Gap:
    """Close, dismiss or reopen a gap; closing has its questions asked again by a worker that `ring` calls."""
    changed = Gap.objects.filter(pk=gap.pk).exclude(state=state)
    is_open = state == State.OPEN
    if not changed.update(
        state=state, closed_by=None if is_open else user, closed_at=None if is_open else timezone.now()
    ):
        return gap
    audit.record(f"gap.{state}", actor=user, team=gap.team, target=gap)
    if state == State.CLOSED:
        queue_rerun(gap, ring)
    gap.refresh_from_db()
    return gap


def queue_rerun(gap: Gap, ring: Callable[[UUID], None]) -> None:
    """Have the questions of a gap asked again."""
    Gap.objects.filter(pk=gap.pk).update(rerun=_report("running", 0, 0, 0), updated_at=timezone.now())
    transaction.on_commit(partial(ring, gap.pk))


def silent_reruns() -> list[UUID]:
    """Return the gaps whose worker died while it asked their questions again."""
    old = timezone.now() - SILENT_AFTER
    return list(Gap.objects.filter(rerun__state="running", updated_at__lt=old).values_list("pk", flat=True))


def rerun(gap_id: UUID) -> None:
    """Ask the questions of a gap again, in its library alone, and keep what came of each. Workers only."""
    gap = Gap.objects.select_related("library").filter(pk=gap_id, rerun__state="running").first()
    if gap is None:
        return
    texts = _texts(gap)
    answered = 0
    try:
        for number, (text, rows) in enumerate(texts.items(), 1):
            is_answered, support = _ask(gap, text)
            answered += is_answered
            GapQuestion.objects.filter(pk__in=rows).update(is_answered=is_answered, now_support=support)
            _tell(gap, _report("running", number, len(texts), answered))
    except (NoModel, RuntimeFailure):
        _tell(gap, _report("failed", 0, len(texts), answered))
        raise
    _tell(gap, _report("done", len(texts), len(texts), answered))


def _texts(gap: Gap) -> dict[str, list[int]]:
    """Return the different questions with the rows that asked them, the latest first."""
    texts: dict[str, list[int]] = {}
    rows = GapQuestion.objects.filter(gap=gap).select_related("asked").order_by("-asked__created_at")
    for row in rows:
        texts.setdefault(" ".join(text_of(row.asked).split()), []).append(row.pk)
    return dict(list(texts.items())[:ASKED_AGAIN])


def _ask(gap: Gap, text: str) -> tuple[bool, float]:
    """Return whether a question is answered now, and its support; quotes alone, so that no language model is needed."""
    tools = build_tools(scope=Scope.whole(gap.team_id, (gap.library_id,)), mode="quote")
    support = 0.0
    for step in answer(text, (), tools):
        if isinstance(step, Retrieved):
            support = step.found.support
        elif isinstance(step, Finished):
            return not step.is_refusal, 1.0 if step.curated else support
    return False, support


def _report(state: str, done: int, total: int, answered: int) -> dict[str, str | int]:
    return {"state": state, "done": done, "total": total, "answered": answered}


def _tell(gap: Gap, report: dict[str, str | int]) -> None:
    Gap.objects.filter(pk=gap.pk).update(rerun=report, updated_at=timezone.now())


def asked_of(gap: Gap) -> list[GapQuestion]:
    """Return a gap's questions with who asked them, the latest first."""
    rows = GapQuestion.objects.filter(gap=gap).select_related("asked__user").order_by("-asked__created_at")
    return list(rows[:ASKED_AGAIN])


def is_of(asked: AskedQuestion) -> str:
    """Return why a question is trouble: refused, weak or voted-down; the heaviest reason."""
    if asked.is_refusal:
        return "refused"
    return "voted-down" if asked.vote < 0 else "weak"
