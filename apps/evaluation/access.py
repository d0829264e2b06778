"""The gates of this app: a set, a question or a run is loaded for a person in no other way. All is for editors."""

from uuid import UUID

from apps.core.errors import NotFound
from apps.evaluation.models import Gap, QuestionSet, Run, SetQuestion
from apps.libraries.access import access_whole_library
from apps.libraries.models import Library
from apps.users.models import User


def access_sets(user: User, library_id: UUID) -> Library:
    """Return a library whose question sets the person may see and change; raises NotFound, Forbidden, PartsHidden.

    Sets, runs and gaps show passages of any document, so they are for who may read all of them.
    """
    return access_whole_library(user, library_id)


def access_set(user: User, library_id: UUID, set_id: UUID, *, deleted: bool = False) -> QuestionSet:
    """Return a question set of a library; with `deleted`, one that can still be restored."""
    library = access_sets(user, library_id)
    sets = QuestionSet.objects.filter(library=library, pk=set_id)
    found = (sets if deleted else sets.filter(deleted_at=None)).select_related("baseline").first()
    if found is None:
        raise NotFound
    found.library = library
    return found


def access_question(user: User, library_id: UUID, question_id: UUID) -> SetQuestion:
    """Return a question of a set of a library."""
    library = access_sets(user, library_id)
    rows = SetQuestion.objects.select_related("questions")
    found = rows.filter(pk=question_id, questions__library=library, questions__deleted_at=None).first()
    if found is None:
        raise NotFound
    found.questions.library = library
    return found


def access_run(user: User, library_id: UUID, run_id: UUID) -> Run:
    """Return a run of a set of a library."""
    library = access_sets(user, library_id)
    rows = Run.objects.select_related("questions__baseline", "started_by")
    found = rows.filter(pk=run_id, questions__library=library, questions__deleted_at=None).first()
    if found is None:
        raise NotFound
    found.questions.library = library
    return found


def access_gap(user: User, library_id: UUID, gap_id: UUID) -> Gap:
    """Return a gap of a library."""
    library = access_whole_library(user, library_id)
    gap = Gap.objects.filter(library=library, pk=gap_id).select_related("assignee", "closed_by", "team").first()
    if gap is None:
        raise NotFound
    gap.library = library
    return gap
