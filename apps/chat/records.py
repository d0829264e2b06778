"""What is kept of an answer beside its text: how it was made (for the asker), and that it was asked (for editors)."""

from dataclasses import asdict
from typing import Any

from django.db import transaction

from apps.chat.models import AnswerTrace, Feedback, Message
from apps.chat.thread import question_of
from apps.libraries import asked, curated
from apps.libraries.models import AskedQuestion, CuratedAnswer
from apps.libraries.tasks import ring_embedder
from apps.rag.fusion import language_of
from apps.rag.refusal import is_weak
from apps.rag.types import Condensed, Curated, Finished, Found, Retrieved, Stage

MOST_STAGES = 60  # of one answer; a comparison of many things searches many times
DOUBTED = frozenset({"weak", "unsupported", "removed"})


class Record:
    """Gathers from the steps of one attempt what is written when it ends."""

    def __init__(self) -> None:
        self._condensed: Condensed | None = None
        self._found: Found | None = None
        self._curated: Curated | None = None
        self._finished: Finished | None = None

    def condensed(self, step: Condensed) -> None:
        """Take the question as it is searched for."""
        self._condensed = step

    def curated(self, step: Curated) -> None:
        """Take an editor's answer."""
        self._curated = step

    def retrieved(self, step: Retrieved) -> None:
        """Take what was found."""
        self._found = step.found

    def finished(self, step: Finished) -> None:
        """Take the end."""
        self._finished = step

    def write(self, message: Message, state: str) -> None:
        """Write the trace; of a whole answer also the log of questions and the hit of an editor's answer."""
        stages = self._stages()
        if stages:
            AnswerTrace.objects.update_or_create(message=message, defaults={"stages": stages})
        if state != Message.State.DONE or self._finished is None:
            return
        if self._curated is not None:
            curated.count_hit(self._curated.curated_id)
        asked.record(self._asked(message))
        _keep_vote(message)
        transaction.on_commit(ring_embedder)

    def _stages(self) -> list[dict[str, Any]]:
        """Return the stages as JSON; of an answer that broke off those of its search."""
        stages: tuple[Stage, ...] = ()
        if self._finished is not None:
            stages = self._finished.stages
        elif self._found is not None:
            stages = self._found.stages
        return [asdict(stage) for stage in stages[:MOST_STAGES]]

    def _asked(self, message: Message) -> asked.Asked:
        finished, found, given = self._finished, self._found, self._curated
        question = question_of(message).text
        best = found.passages[0] if found and found.passages else None
        is_there = given is not None and CuratedAnswer.objects.filter(pk=given.curated_id).exists()
        sentences = finished.sentences if finished else ()
        return asked.Asked(
            team_id=message.conversation.team_id,
            user=message.conversation.owner,
            library_ids=message.library_ids,
            source=AskedQuestion.Source.CHAT,
            question=question,
            searched=self._condensed.question if self._condensed else "",
            language=found.language if found else language_of(question),
            support=1.0 if given else found.support if found else 0.0,
            is_refusal=bool(finished and finished.is_refusal),
            is_weak=any(sentence.state in DOUBTED for sentence in sentences) or (found is not None and is_weak(found)),
            message_id=message.pk,
            curated_id=given.curated_id if given and is_there else None,
            milliseconds=found.milliseconds if found else 0.0,
            nearest_library_id=given.library_id if given else best.library_id if best else None,
        )


def as_copy(step: Curated) -> dict[str, Any]:
    """Return what the answer keeps of an editor's answer: it is shown so even when that one is changed or gone."""
    return {
        "id": str(step.curated_id),
        "library": step.library,
        "library_id": str(step.library_id),
        "question": step.question,
        "matched": step.matched,
        "author": step.author,
        "changed_at": step.changed_at.isoformat(),
    }


def _keep_vote(message: Message) -> None:
    """Give the row of an answer that was made again the vote that its asker gave before."""
    given = Feedback.objects.filter(message=message).values_list("vote", flat=True).first()
    if given is not None:
        asked.vote(message.pk, given)
