"""The log of questions: what was asked, how well it was supported, and what the asker thought of the answer.

Editors of a library see from it which questions were asked in their library and by whom, never an answer or a
conversation. It is kept for KB_QUESTION_DAYS.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.libraries.models import AskedQuestion, Library
from apps.runtimes.contracts import Floats
from apps.users.models import User

QUESTION_MAX = 4_000
EMBEDDED_AT_ONCE = 64
PURGED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One question that was searched for. `searched` is the rewritten one; `results` are those of a test, as shown."""

    team_id: UUID
    user: User | None
    library_ids: Sequence[UUID]
    source: AskedQuestion.Source
    question: str
    searched: str = ""
    language: str = ""
    support: float = 0.0
    is_refusal: bool = False
    is_weak: bool = False
    message_id: UUID | None = None
    curated_id: UUID | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    results: Sequence[Any] = ()
    nearest_library_id: UUID | None = None
    milliseconds: float = 0.0


def record(asked: Asked) -> AskedQuestion:
    """Write one question; of a chat's answer that is made again the row is written anew, and keeps its vote."""
    searched = asked.searched[:QUESTION_MAX]
    values: dict[str, Any] = {
        "team_id": asked.team_id,
        "user": asked.user,
        "library_ids": list(asked.library_ids),
        "source": asked.source,
        "nearest_library_id": asked.nearest_library_id,
        "question": asked.question[:QUESTION_MAX],
        "searched": "" if searched == asked.question else searched,
        "language": asked.language,
        "support": asked.support,
        "is_refusal": asked.is_refusal,
        "is_weak": asked.is_weak,
        "curated_id": asked.curated_id,
        "options": dict(asked.options),
        "results": list(asked.results),
        "milliseconds": asked.milliseconds,
    }
    if asked.message_id is None:
        return AskedQuestion.objects.create(**values)
    row, _is_new = AskedQuestion.objects.update_or_create(message_id=asked.message_id, defaults=values)
    return row


def vote(message_id: UUID, value: int) -> None:
    """Note what the asker thinks of a chat's answer: -1, 0 or +1."""
    AskedQuestion.objects.filter(message_id=message_id).update(vote=value)


def asked_in(library: Library) -> QuerySet[AskedQuestion]:
    """Return the questions that were asked in a library, the latest first."""
    return AskedQuestion.objects.filter(team_id=library.team_id, library_ids__contains=[library.pk]).order_by(
        "-created_at"
    )


def purge() -> int:
    """Remove what is older than `question_days`; return how many questions."""
    old = AskedQuestion.objects.filter(created_at__lt=timezone.now() - timedelta(days=settings.ENV.question_days))
    removed = 0
    while ids := list(old.values_list("pk", flat=True)[:PURGED_AT_ONCE]):
        removed += AskedQuestion.objects.filter(pk__in=ids).delete()[0]
    return removed


def waiting(model: AIModel) -> QuerySet[AskedQuestion]:
    """Return the questions without a vector by `model`, the latest first."""
    return AskedQuestion.objects.filter(Q(vector=None) | ~Q(model=model)).order_by("-created_at")


def embed_waiting(model: AIModel, embed: Callable[[Sequence[str]], Floats]) -> int:
    """Make the vectors that are missing, for one batch; return how many. Safe to repeat."""
    rows = list(waiting(model).only("question", "searched")[:EMBEDDED_AT_ONCE])
    if not rows:
        return 0
    vectors = embed([row.searched or row.question for row in rows])
    for row, vector in zip(rows, vectors, strict=True):
        row.vector, row.model = [float(value) for value in vector], model
    AskedQuestion.objects.bulk_update(rows, ["vector", "model"])
    return len(rows)
