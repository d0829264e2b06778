"""Answers that editors write once: written, changed, switched off, deleted with undo, and found by close questions.

Every function for people was given its objects by a gate. What is found for a question is decided in `rag`; here is the
SQL, which carries the access filter.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Now
from pgvector.django import CosineDistance

from apps.audit import services as audit
from apps.catalog.models import AIModel
from apps.core.text import one_line
from apps.libraries.errors import AnswerMissing, AnswerTooLong, QuestionMissing, QuestionTaken, TooManyWordings
from apps.libraries.models import CuratedAnswer, CuratedVector, Library
from apps.libraries.types import text_digest
from apps.runtimes.contracts import Floats
from apps.users.models import User

QUESTION_MAX = 1_000
ANSWER_MAX = 20_000
WORDINGS_MAX = 30
CANDIDATES = 12  # wordings that are compared with a question
EMBEDDED_AT_ONCE = 64
_WAITING = """
SELECT a.id, w.wording FROM libraries_curatedanswer a
CROSS JOIN LATERAL unnest(array_prepend(a.question, a.variants)) AS w(wording)
WHERE a.deleted_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM libraries_curatedvector v WHERE v.curated_id = a.id AND v.model_id = %s AND v.wording = w.wording
)
ORDER BY a.updated_at, a.id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """What an editor typed: the question, other ways to ask it, and the answer in markdown."""

    question: str
    answer: str
    variants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A wording near a question, with its answer; `cosine` is that of the two vectors."""

    curated: CuratedAnswer
    wording: str
    cosine: float


def listed(library: Library, *, words: str = "", is_enabled: bool | None = None) -> QuerySet[CuratedAnswer]:
    """Return the library's answers, those of the last change first, all of which hold every one of `words`."""
    rows = CuratedAnswer.objects.filter(library=library, deleted_at=None).select_related("created_by", "updated_by")
    if is_enabled is not None:
        rows = rows.filter(is_enabled=is_enabled)
    rows = rows.annotate(others=Func(F("variants"), Value(" "), function="array_to_string", output_field=TextField()))
    for word in words.split()[:8]:
        rows = rows.filter(Q(question__icontains=word) | Q(answer__icontains=word) | Q(others__icontains=word))
    return rows.order_by("-updated_at", "pk")


@transaction.atomic
def create(*, user: User, library: Library, draft: Draft, source_message: UUID | None = None) -> CuratedAnswer:
    """Write an answer. Raises QuestionMissing, AnswerMissing, AnswerTooLong, TooManyWordings or QuestionTaken."""
    cleaned = _cleaned(draft)
    _refuse_double(library, cleaned)
    row = CuratedAnswer.objects.create(
        team_id=library.team_id,
        library=library,
        question=cleaned.question,
        variants=list(cleaned.variants),
        answer=cleaned.answer,
        source_message=source_message,
        created_by=user,
        updated_by=user,
    )
    audit.record("answer.created", actor=user, team=library.team, target=row, detail={"question": row.question[:200]})
    return row


@transaction.atomic
def change(*, user: User, curated: CuratedAnswer, draft: Draft) -> CuratedAnswer:
    """Change an answer; vectors of wordings that stay are kept. Raises what `create` raises."""
    cleaned = _cleaned(draft)
    _refuse_double(curated.library, cleaned, but=curated.pk)
    curated.question, curated.variants, curated.answer = cleaned.question, list(cleaned.variants), cleaned.answer
    curated.updated_by = user
    curated.save(update_fields=["question", "variants", "answer", "updated_by", "updated_at"])
    curated.vectors.exclude(wording__in=curated.wordings).delete()
    audit.record("answer.changed", actor=user, team=curated.library.team, target=curated)
    return curated


@transaction.atomic
def switch(*, user: User, curated: CuratedAnswer, is_enabled: bool) -> CuratedAnswer:
    """Give the answer to close questions, or to none."""
    if curated.is_enabled != is_enabled:
        curated.is_enabled = is_enabled
        curated.save(update_fields=["is_enabled"])
        action = "answer.enabled" if is_enabled else "answer.disabled"
        audit.record(action, actor=user, team=curated.library.team, target=curated)
    return curated


@transaction.atomic
def delete(*, user: User, curated: CuratedAnswer) -> None:
    """Take the answer away; it can be restored for `undo_days`."""
    if CuratedAnswer.objects.filter(pk=curated.pk, deleted_at=None).update(deleted_at=Now()):
        audit.record("answer.deleted", actor=user, team=curated.library.team, target=curated)


@transaction.atomic
def restore(*, user: User, curated: CuratedAnswer) -> None:
    """Bring a deleted answer back."""
    if CuratedAnswer.objects.filter(pk=curated.pk).exclude(deleted_at=None).update(deleted_at=None):
        audit.record("answer.restored", actor=user, team=curated.library.team, target=curated)


def purge() -> int:
    """Remove what was deleted longer than `undo_days` ago; return how many answers."""
    old = CuratedAnswer.objects.filter(deleted_at__lt=Now() - timedelta(days=settings.ENV.undo_days))
    return old.delete()[1].get("libraries.CuratedAnswer", 0)


def count_hit(curated_id: UUID) -> None:
    """Count that the answer was given."""
    CuratedAnswer.objects.filter(pk=curated_id).update(hit_count=F("hit_count") + 1, last_hit_at=Now())


def served(team_id: UUID, library_ids: Sequence[UUID]) -> QuerySet[CuratedAnswer]:
    """Return the answers that questions in these libraries may get. The access filter: a gate checked the ids."""
    return CuratedAnswer.objects.filter(
        team_id=team_id, library_id__in=library_ids, is_enabled=True, deleted_at=None, library__deleted_at=None
    )


def nearest(team_id: UUID, library_ids: Sequence[UUID], model: AIModel, vector: Sequence[float]) -> list[Candidate]:
    """Return the wordings nearest to a question's vector, best first; all are compared, so none is missed."""
    rows = (
        CuratedVector.objects.filter(model=model, curated__in=served(team_id, library_ids))
        .annotate(distance=CosineDistance("vector", list(vector)))
        .select_related("curated__library", "curated__updated_by")
        .defer("vector")
        .order_by("distance", "pk")[:CANDIDATES]
    )
    return [Candidate(row.curated, row.wording, 1.0 - float(row.distance)) for row in rows]


def waiting(model: AIModel, limit: int = EMBEDDED_AT_ONCE) -> list[tuple[UUID, str]]:
    """Return (answer, wording) pairs that `model` has made no vector of, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [model.pk, limit])
        rows: list[tuple[UUID, str]] = cursor.fetchall()
    return rows


def embed_waiting(model: AIModel, embed: Callable[[Sequence[str]], Floats]) -> int:
    """Make the vectors that are missing, for one batch; return how many were stored. Safe to repeat."""
    batch = waiting(model)
    return _store(model, batch, embed([wording for _curated_id, wording in batch])) if batch else 0


@transaction.atomic
def _store(model: AIModel, batch: Sequence[tuple[UUID, str]], vectors: Floats) -> int:
    """Store vectors of wordings that are still there; return how many."""
    ids = {curated_id for curated_id, _wording in batch}
    alive = {row.pk: row.wordings for row in CuratedAnswer.objects.select_for_update(no_key=True).filter(pk__in=ids)}
    rows = [
        CuratedVector(
            curated_id=curated_id,
            model=model,
            wording=wording,
            digest=text_digest(wording),
            vector=[float(value) for value in vector],
        )
        for (curated_id, wording), vector in zip(batch, vectors, strict=True)
        if wording in alive.get(curated_id, ())
    ]
    CuratedVector.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _cleaned(draft: Draft) -> Draft:
    question = one_line(draft.question)[:QUESTION_MAX]
    answer = draft.answer.replace("\x00", "").replace("\r\n", "\n").strip()
    variants = [one_line(each)[:QUESTION_MAX] for each in draft.variants]
    variants = list(dict.fromkeys(each for each in variants if each and each != question))
    if not question:
        raise QuestionMissing
    if not answer:
        raise AnswerMissing
    if len(answer) > ANSWER_MAX:
        raise AnswerTooLong(chars=len(answer), limit=ANSWER_MAX)
    if len(variants) + 1 > WORDINGS_MAX:
        raise TooManyWordings(limit=WORDINGS_MAX - 1)
    return Draft(question, answer, tuple(variants))


def _refuse_double(library: Library, draft: Draft, but: UUID | None = None) -> None:
    """Raise QuestionTaken where another answer of the library is for one of these wordings already."""
    wordings = [draft.question, *draft.variants]
    others = CuratedAnswer.objects.filter(library=library, deleted_at=None).exclude(pk=but or uuid.UUID(int=0))
    other = others.filter(Q(question__in=wordings) | Q(variants__overlap=wordings)).first()
    if other is not None:
        raise QuestionTaken(question=other.question)
