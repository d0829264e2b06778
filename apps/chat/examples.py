"""Questions that an empty chat offers: those that the product's own guide answers, where a library holds it."""

from collections.abc import Sequence

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.libraries.models import Document, Library
from apps.users.models import User


def example_questions(user: User, libraries: Sequence[Library]) -> list[str]:
    """Return three questions that the sample library can answer; none where it is not among the libraries."""
    named = Q(name__icontains="user-guide") | Q(name__icontains="手册") | Q(name__icontains="zhiku")
    readable = Document.objects.readable_by(user)
    guides = readable.filter(named, library__in=libraries, status=Document.Status.READY)
    if not guides.exists():
        return []
    return [
        _("How do I add documents to a library?"),
        _("What happens when I click a citation?"),
        _("Who can see my conversations?"),
    ]
