"""What people do with question sets and their questions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from apps.audit import services as audit
from apps.core.text import one_line
from apps.evaluation.models import QuestionSet, SetQuestion
from apps.evaluation.set_errors import (
    AnswersInvalid,
    GoldInvalid,
    QuestionMissing,
    QuestionTaken,
    SetFull,
    SetNameMissing,
    SetNameTaken,
)
from apps.libraries.models import Chunk, Document, Library
from apps.users.models import User

NAME_MAX = 100
TEXT_MAX = 2_000
NOTE_MAX = 500
QUOTE_MAX = 2_000
MOST_ANSWERS = 20
MOST_GOLD = 20
MOST_QUESTIONS = 5_000
Gold = Mapping[str, str]  # {"document": id, "name": its name, "quote": words of a passage}


def sets_of(library: Library) -> QuerySet[QuestionSet]:
    """Return the sets of a library with `accepted` and `drafts`, the numbers of their questions."""
    state = SetQuestion.State
    return QuestionSet.objects.filter(library=library, deleted_at=None).annotate(
        accepted=Count("questions", filter=Q(questions__state=state.ACCEPTED)),
        drafts=Count("questions", filter=Q(questions__state=state.DRAFT)),
    )


@transaction.atomic
def create_set(*, user: User, library: Library, name: str, description: str = "") -> QuestionSet:
    """Create an empty set. Raises SetNameMissing or SetNameTaken."""
    made = QuestionSet(library=library, name=_name(name), description=one_line(description)[:500], created_by=user)
    _save(made)
    audit.record("question-set.created", actor=user, team=library.team, target=made, detail={"name": made.name})
    return made


@transaction.atomic
def change_set(*, user: User, questions: QuestionSet, **fields: Any) -> None:
    """Change `name`, `description`, `is_nightly` or `alarm_drop` (0.01 to 0.5). Raises as `create_set` does."""
    if "name" in fields:
        fields["name"] = _name(fields["name"])
    for name, value in fields.items():
        setattr(questions, name, value)
    questions.alarm_drop = min(0.5, max(0.01, questions.alarm_drop))
    questions.description = one_line(questions.description)[:500]
    _save(questions)
    detail: dict[str, str | int | bool | None] = {"name": questions.name, "nightly": questions.is_nightly}
    audit.record("question-set.changed", actor=user, team=questions.library.team, target=questions, detail=detail)


@transaction.atomic
def delete_set(*, user: User, questions: QuestionSet) -> None:
    """Hide a set; `restore_set` brings it back."""
    QuestionSet.objects.filter(pk=questions.pk, deleted_at=None).update(deleted_at=timezone.now())
    detail = {"name": questions.name}
    audit.record("question-set.deleted", actor=user, team=questions.library.team, target=questions, detail=detail)


@transaction.atomic
def restore_set(*, user: User, questions: QuestionSet) -> None:
    """Undo a deletion. Raises SetNameTaken where another set took the name."""
    questions.deleted_at = None
    _save(questions)
    audit.record("question-set.restored", actor=user, team=questions.library.team, target=questions)


def add_question(  # noqa: PLR0913  (every field of a question)
    *,
    user: User | None,
    questions: QuestionSet,
    text: str,
    gold: Iterable[Chunk | Gold] = (),
    answers: Sequence[str] = (),
    origin: str = SetQuestion.Origin.WRITTEN,
    state: str = SetQuestion.State.ACCEPTED,
    note: str = "",
) -> SetQuestion:
    """Add a question; `gold` are chunks or their JSON. Raises QuestionMissing, QuestionTaken, SetFull and the like."""
    if present(questions).count() >= MOST_QUESTIONS:
        raise SetFull(limit=MOST_QUESTIONS)
    made = SetQuestion(questions=questions, origin=origin, state=state, note=one_line(note)[:NOTE_MAX], created_by=user)
    _fill(made, text, answers, gold)
    return made


def change_question(
    *, question: SetQuestion, text: str, answers: Sequence[str], gold: Iterable[Chunk | Gold], note: str = ""
) -> None:
    """Change a question; a draft that somebody changed is accepted by that."""
    question.note = one_line(note)[:NOTE_MAX]
    question.state = SetQuestion.State.ACCEPTED
    _fill(question, text, answers, gold)


def present(questions: QuestionSet) -> QuerySet[SetQuestion]:
    """Return the questions of a set, drafts too, without deleted ones."""
    return SetQuestion.objects.filter(questions=questions).exclude(state=SetQuestion.State.DELETED)


def accept(drafts: QuerySet[SetQuestion]) -> int:
    """Accept drafts; return how many there were."""
    return drafts.filter(state=SetQuestion.State.DRAFT).update(
        state=SetQuestion.State.ACCEPTED, updated_at=timezone.now()
    )


def delete_questions(rows: QuerySet[SetQuestion]) -> int:
    """Delete questions; return how many. `restore_question` brings each back as a draft."""
    return rows.update(state=SetQuestion.State.DELETED, updated_at=timezone.now())


def restore_question(question: SetQuestion) -> None:
    """Undo a deletion; what was a draft or not is not known any more, so somebody who has accepted it does so again."""
    question.state = SetQuestion.State.ACCEPTED if question.gold or question.answers else SetQuestion.State.DRAFT
    question.save(update_fields=["state", "updated_at"])


def purge(before: datetime) -> int:
    """Remove what was deleted before a moment for good: questions, and sets with their runs; return how many rows."""
    questions = SetQuestion.objects.filter(state=SetQuestion.State.DELETED, updated_at__lt=before).delete()[0]
    return questions + QuestionSet.objects.filter(deleted_at__lt=before).delete()[0]


def gold_json(passage: Chunk | Gold) -> dict[str, str]:
    """Return what `SetQuestion.gold` holds of a passage: its document, its name, and its words to know it again by."""
    if isinstance(passage, Chunk):
        return {
            "document": str(passage.document_id),
            "name": passage.document.name,
            "quote": " ".join(passage.text.split())[:QUOTE_MAX],
        }
    quote = " ".join(passage.get("quote", "").split())[:QUOTE_MAX]
    return {"document": passage["document"], "name": passage["name"], "quote": quote}


def _fill(question: SetQuestion, text: str, answers: Sequence[str], gold: Iterable[Chunk | Gold]) -> None:
    question.text = clean_text(text)
    deleted = SetQuestion.objects.filter(questions=question.questions, text=question.text).exclude(pk=question.pk)
    deleted.filter(state=SetQuestion.State.DELETED).delete()  # whoever writes it again wants it
    question.answers = clean_answers(answers)
    entries = [gold_json(each) for each in gold]
    question.gold = list({(entry["document"], entry["quote"]): entry for entry in entries}.values())
    if len(question.gold) > MOST_GOLD or not _are_here(question):
        raise GoldInvalid(limit=MOST_GOLD)
    try:
        with transaction.atomic():
            question.save()
    except IntegrityError as error:
        raise QuestionTaken(text=question.text[:80]) from error


def clean_text(text: str) -> str:
    """Return a question on one line. Raises QuestionMissing."""
    plain = one_line(text)
    if not plain or len(plain) > TEXT_MAX:
        raise QuestionMissing(limit=TEXT_MAX)
    return plain


def clean_answers(answers: Sequence[str]) -> list[str]:
    """Return the right answers, each once. Raises AnswersInvalid."""
    plain = list(dict.fromkeys(filter(None, (one_line(answer) for answer in answers))))
    if len(plain) > MOST_ANSWERS or any(len(answer) > TEXT_MAX for answer in plain):
        raise AnswersInvalid(limit=MOST_ANSWERS)
    return plain


def _are_here(question: SetQuestion) -> bool:
    """Return whether the gold's documents are of the library; what the question had before may be deleted since."""
    wanted = {entry["document"] for entry in question.gold}
    before = SetQuestion.objects.filter(pk=question.pk).values_list("gold", flat=True).first() or []
    wanted -= {entry["document"] for entry in before}
    here = Document.objects.filter(library_id=question.questions.library_id, pk__in=wanted)
    return not wanted or here.count() == len(wanted)


def _name(name: str) -> str:
    plain = one_line(name)
    if not plain or len(plain) > NAME_MAX:
        raise SetNameMissing
    return plain


def _save(questions: QuestionSet) -> None:
    try:
        with transaction.atomic():
            questions.save()
    except IntegrityError as error:
        raise SetNameTaken(name=questions.name) from error
