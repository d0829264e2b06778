"""What a run ran on: enough to say what differed between two runs, and whether anything changed since the last."""

import hashlib
import json
from typing import Any

from django.db import connection

from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.catalog.services import default_model
from apps.evaluation.models import QuestionSet, SetQuestion
from apps.libraries.models import Chunk, ChunkEdit, CuratedAnswer, Document, Lexicon, Library

# One line per document, in one order: which version serves, and whether it is searched.
_DOCUMENTS = """
SELECT md5(coalesce(string_agg(
    concat_ws(':', id, current_version_id, is_enabled, valid_from, valid_until, name), ',' ORDER BY id), ''))
FROM libraries_document WHERE library_id = %s AND deleted_at IS NULL AND current_version_id IS NOT NULL"""


def of(questions: QuestionSet, chosen: dict[str, Any]) -> dict[str, Any]:
    """Return the counts and models that people read, and `digest`, which changes with anything a result depends on."""
    library = questions.library
    read = {
        "documents": Document.objects.filter(library=library, deleted_at=None, status=Document.Status.READY).count(),
        "passages": Chunk.objects.filter(library=library, is_enabled=True).count(),
        "embedding": _model(AIModel.Kind.EMBEDDING),
        "chat": _model(AIModel.Kind.CHAT),
    }
    hidden = [_documents(library), _edits(library), _words(library), _curated(library), _questions(questions), chosen]
    text = json.dumps([read, hidden], sort_keys=True, default=str)
    return read | {"digest": hashlib.sha256(text.encode()).hexdigest()}


def _model(kind: str) -> str:
    try:
        return default_model(kind).name
    except NoModel:
        return ""


def _documents(library: Library) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_DOCUMENTS, [library.pk])
        return str(cursor.fetchone()[0])


def _edits(library: Library) -> int:
    last = ChunkEdit.objects.filter(document__library=library).order_by("-pk").values_list("pk", flat=True).first()
    return last or 0


def _words(library: Library) -> str:
    return Lexicon.objects.filter(library=library).values_list("digest", flat=True).first() or ""


def _curated(library: Library) -> list[Any]:
    answers = CuratedAnswer.objects.filter(library=library, deleted_at=None, is_enabled=True)
    return list(answers.order_by("pk").values_list("pk", "question", "variants", "answer"))


def _questions(questions: QuestionSet) -> list[Any]:
    accepted = SetQuestion.objects.filter(questions=questions, state=SetQuestion.State.ACCEPTED)
    return list(accepted.order_by("pk").values_list("pk", "text", "answers", "gold"))
