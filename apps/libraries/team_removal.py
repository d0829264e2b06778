"""Removes a deleted team's libraries: documents with their files, vectors and statistics, and what the cache holds."""

from uuid import UUID

from apps.core.forgetting import forget
from apps.libraries import purge
from apps.libraries.models import AskedQuestion, Document, Library
from apps.users.deletion import Beat, removes

AT_ONCE = 500


@removes("libraries", order=50)
def remove_libraries(team_id: UUID, beat: Beat) -> None:
    """Remove document by document, each in a transaction of its own, then the libraries."""
    libraries = Library.objects.filter(team=team_id)
    documents = Document.objects.filter(library__team=team_id)
    forget({team_id, *libraries.values_list("pk", flat=True), *documents.values_list("pk", flat=True)})
    for document_id in documents.filter(parent=None).values_list("pk", flat=True).iterator():
        purge.remove_whatever(document_id)
        beat()
    while ids := list(AskedQuestion.objects.filter(team=team_id).values_list("pk", flat=True)[:AT_ONCE]):
        AskedQuestion.objects.filter(pk__in=ids).delete()
        beat()
    for library in libraries:
        library.delete()
        beat()
