"""Who may use which model: the only way from a person or a team to the models that they may choose."""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.catalog.models import AIModel, ModelAccess, TeamDefault
from apps.users.models import GroupMember, Membership, User


def usable_models(kind: str, *, team_id: UUID, user: User | None = None) -> QuerySet[AIModel]:
    """Return the models of a kind that the team may use, the team's or the installation's default first.

    With `user`, those open to one of the person's groups alone are among them; without, they are not.
    """
    rows = ModelAccess.objects.filter(model=OuterRef("pk"), team_id=team_id)
    allowed = Q(group=None)
    if user is not None:
        mine_now = Membership.objects.live().filter(user=user, team_id=team_id)
        allowed |= Q(Exists(GroupMember.objects.filter(group=OuterRef("group"), membership__in=mine_now)))
    mine = Q(is_open=True) | Q(Exists(rows.filter(allowed)))
    chosen = TeamDefault.objects.filter(model=OuterRef("pk"), team_id=team_id, kind=kind)
    ready = AIModel.objects.filter(kind=kind, state=AIModel.State.READY, is_enabled=True)
    found = ready.filter(mine).annotate(is_team_default=Exists(chosen))
    return found.order_by("-is_team_default", "-is_default", "title")


def team_default(kind: str, *, team_id: UUID, user: User | None = None) -> AIModel | None:
    """Return the model that the team uses unless somebody chooses another; None: the installation's."""
    chosen = TeamDefault.objects.filter(team_id=team_id, kind=kind).values("model")
    return usable_models(kind, team_id=team_id, user=user).filter(pk__in=chosen).first()
