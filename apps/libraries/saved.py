"""Saved views: filters under a name, a person's own or shared with all who read the library."""

from collections.abc import Sequence
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import QueryDict

from apps.audit import services as audit
from apps.core.errors import NotFound
from apps.core.text import one_line
from apps.libraries import filters
from apps.libraries.errors import ViewInvalid
from apps.libraries.metadata import fields_of
from apps.libraries.models import Library, SavedView
from apps.users.models import User

NAME_MAX = 100
VIEWS_MAX = 50


def views_of(user: User, library: Library) -> Sequence[SavedView]:
    """Return the person's own views of a library and the shared ones, by name."""
    mine = Q(user=user) | Q(is_shared=True)
    return list(library.views.filter(mine).select_related("user")[:VIEWS_MAX])


@transaction.atomic
def save_view(*, user: User, library: Library, name: str, query: str, is_shared: bool) -> SavedView:
    """Keep a filter, parsed and made anew, under a name. Raises ViewInvalid, UnknownFilter, FilterInvalid."""
    text = one_line(name)
    if not text or len(text) > NAME_MAX:
        raise ViewInvalid
    wanted = filters.parse(QueryDict(query), fields_of(library))
    try:
        with transaction.atomic():
            view = SavedView.objects.create(
                library=library, user=user, name=text, query=wanted.query[:2000], is_shared=is_shared
            )
    except IntegrityError as error:
        raise ViewInvalid from error
    detail: dict[str, str | bool] = {"name": text, "shared": is_shared}
    audit.record("view.saved", actor=user, team=library.team, target=library, detail=detail)
    return view


@transaction.atomic
def delete_view(*, user: User, library: Library, view_id: UUID, may_manage: bool) -> None:
    """Delete one's own view; admins may delete shared ones. Raises NotFound."""
    removable = library.views.filter(Q(user=user) | Q(is_shared=True) if may_manage else Q(user=user), pk=view_id)
    if not removable.delete()[0]:
        raise NotFound
    audit.record("view.deleted", actor=user, team=library.team, target=library)
