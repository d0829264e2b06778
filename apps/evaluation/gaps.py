"""What people ask and a library cannot answer: refused, weak and voted-down questions, gathered into gaps.

A question joins the gap whose centre its vector is nearest to, if it is near enough and both name the same numbers and
identifiers; else it begins one. Near enough was measured with the packaged model on our own paraphrases (37 pairs) and
pairs of neighbouring topics (16): of the paraphrases 83 % lie above, of far topics (66 pairs) none; neighbouring topics
("days of annual leave", "days of sick leave") often share a gap, which an editor closes together.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.catalog.services import default_model
from apps.evaluation.models import Gap, GapQuestion
from apps.libraries.models import AskedQuestion, Library
from apps.rag.scales import cosine_floor
from apps.runtimes.contracts import Floats

NEAR = 0.667  # of (cosine - floor) / (1 - floor): a cosine of 0.90 with the packaged model, whose floor is 0.7
AT_ONCE = 500  # questions looked at per run of the task
TITLE_MAX = 300
_LOCK = 0x7A6B  # one collector at a time
_NAMED = re.compile(r"[A-Za-z]*\d[\w./-]*|\b[A-Z]{2,}\b")  # numbers, years, part numbers, abbreviations

State = Gap.State


@dataclass(slots=True)
class Centre:
    """A gap as questions are compared with it."""

    gap: Gap
    vector: Floats
    named: frozenset[str]


def trouble() -> QuerySet[AskedQuestion]:
    """Return the questions that were not answered well: refused, weakly supported, or voted down."""
    bad = Q(is_refusal=True) | Q(is_weak=True) | Q(vote__lt=0)
    return AskedQuestion.objects.filter(bad).exclude(source=AskedQuestion.Source.TEST)


def collect() -> int:
    """Put the questions that are in no gap yet into one; returns how many. Safe to repeat and to race."""
    model = default_model(AIModel.Kind.EMBEDDING)
    with transaction.atomic():
        if not _is_alone():
            return 0
        touched = _drop_mended()
        inside = GapQuestion.objects.filter(asked=OuterRef("pk"))
        fresh = trouble().filter(~Exists(inside), model=model).exclude(vector=None).order_by("created_at")
        rows = list(fresh[:AT_ONCE])
        for library_id, asked in _by_library(rows).items():
            touched |= _place(library_id, asked, cosine_floor(model.name))
        for gap in Gap.objects.filter(pk__in=touched):
            recount(gap)
    return len(rows)


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _drop_mended() -> set[UUID]:
    """Take out questions that are no trouble any more: a vote was changed, or a second try was answered."""
    mended = GapQuestion.objects.exclude(asked__in=trouble())
    touched = set(mended.values_list("gap", flat=True))
    mended.delete()
    return touched


def _by_library(rows: Iterable[AskedQuestion]) -> dict[UUID, list[AskedQuestion]]:
    """Return the questions by the library whose inbox they go to: that of the nearest passage, else the first searched.

    A question to five libraries is one editor's work, not five.
    """
    alive = set(Library.objects.filter(deleted_at=None).values_list("pk", flat=True))
    by_library: dict[UUID, list[AskedQuestion]] = {}
    for row in rows:
        homes = [row.nearest_library_id, *sorted(row.library_ids, key=str)]
        home = next((each for each in homes if each in alive), None)
        if home is not None:
            by_library.setdefault(home, []).append(row)
    return by_library


def _place(library_id: UUID, rows: Sequence[AskedQuestion], floor: float) -> set[UUID]:
    """Put questions into the library's gaps; returns the gaps that changed."""
    library = Library.objects.get(pk=library_id)
    centres = [
        Centre(gap, _unit(gap.centre), named(gap.title)) for gap in Gap.objects.filter(library=library) if gap.centre
    ]
    touched: set[UUID] = set()
    for row in rows:
        centre = _nearest(centres, row, floor)
        if centre is None:
            gap = Gap.objects.create(team_id=library.team_id, library=library, title=text_of(row)[:TITLE_MAX])
            centre = Centre(gap, _unit(row.vector), named(text_of(row)))
            centres.append(centre)
        GapQuestion.objects.get_or_create(gap=centre.gap, asked=row)
        _reopen(centre.gap, row)
        touched.add(centre.gap.pk)
    return touched


def _nearest(centres: Sequence[Centre], row: AskedQuestion, floor: float) -> Centre | None:
    vector, names = _unit(row.vector), named(text_of(row))
    able = [each for each in centres if each.named == names and len(each.vector) == len(vector)]
    best = max(able, key=lambda each: float(each.vector @ vector), default=None)
    if best is None or (float(best.vector @ vector) - floor) / (1 - floor) < NEAR:
        return None
    return best


def _reopen(gap: Gap, row: AskedQuestion) -> None:
    """Open a closed gap again when somebody asks in vain after it was closed."""
    if gap.state == State.CLOSED and gap.closed_at is not None and row.created_at > gap.closed_at:
        gap.state, gap.closed_at, gap.closed_by = State.OPEN, None, None
        gap.save(update_fields=["state", "closed_at", "closed_by", "updated_at"])


def recount(gap: Gap) -> None:
    """Bring title, counts and centre up to date; a gap that nobody worked at goes with its last question."""
    asked = list(AskedQuestion.objects.filter(gaps__gap=gap).exclude(vector=None))
    if not asked:
        if gap.state == State.OPEN and gap.assignee_id is None and not gap.note:
            gap.delete()
        return
    vectors = np.stack([_unit(row.vector) for row in asked])
    centre = _unit(vectors.mean(axis=0))
    gap.title = text_of(asked[int(np.argmax(vectors @ centre))])[:TITLE_MAX]
    gap.centre = [round(float(value), 6) for value in centre]
    gap.question_count = len(asked)
    gap.asker_count = len({row.user_id for row in asked})
    gap.last_asked_at = max(row.created_at for row in asked)
    gap.save(update_fields=["title", "centre", "question_count", "asker_count", "last_asked_at", "updated_at"])


def text_of(row: AskedQuestion) -> str:
    """Return the question as it was searched for: a follow-up says nothing by itself."""
    return row.searched or row.question


def named(text: str) -> frozenset[str]:
    """Return the numbers, part numbers and abbreviations in a question: with others it is another question."""
    return frozenset(match.group().casefold() for match in _NAMED.finditer(text))


def gaps_of(library: Library, state: str) -> QuerySet[Gap]:
    """Return a library's gaps in one state, the most asked first."""
    return Gap.objects.filter(library=library, state=state).select_related("assignee")


def counts_of(library: Library) -> dict[str, int]:
    """Return how many gaps a library has by state."""
    rows = Gap.objects.filter(library=library).order_by().values_list("state").annotate(Count("pk"))
    return dict.fromkeys(State.values, 0) | dict(rows)


def weeks_of(gap: Gap, weeks: int = 12) -> list[int]:
    """Return how often it was asked in each of the last weeks, the oldest first."""
    now = timezone.now()
    counts = [0] * weeks
    times = AskedQuestion.objects.filter(gaps__gap=gap, created_at__gt=now - timedelta(weeks=weeks))
    for at in times.values_list("created_at", flat=True):
        counts[-1 - int((now - at) / timedelta(weeks=1))] += 1
    return counts


def kept_days() -> int:
    """Return for how long questions are kept."""
    return int(settings.ENV.question_days)


def _unit(vector: Any) -> Floats:
    row = np.asarray(vector, np.float32)
    norm = float(np.linalg.norm(row))
    return row / norm if norm else row
