"""What a deleted team's question sets leave outside of their rows."""

from uuid import UUID

from apps.core.forgetting import forget
from apps.evaluation.models import QuestionSet
from apps.users.deletion import Beat, removes


@removes("evaluation", order=40)
def remove_question_sets(team_id: UUID, beat: Beat) -> None:
    """Remove the team's question sets and what the cache holds of drafts and imports for them."""
    sets = QuestionSet.objects.filter(library__team=team_id)
    ids = set(sets.values_list("pk", flat=True))
    if ids:
        forget(ids)
    for set_id in ids:
        QuestionSet.objects.filter(pk=set_id).delete()
        beat()
