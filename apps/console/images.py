"""How the image studio of the installation is: which teams draw, what waits, which models there are. No picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q

from apps.catalog import presence
from apps.catalog.models import AIModel
from apps.images import pace
from apps.images.models import ImageJob, ImagePolicy, Picture
from apps.users.models import Team

MOST_TEAMS = 200
State = ImageJob.State


@dataclass(frozen=True, slots=True)
class TeamLine:
    """A team that draws or has rules of its own; counts alone."""

    team: Team
    policy: ImagePolicy | None
    pictures: int
    waiting: int
    running: int
    oldest: datetime | None  # job that waits


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model that draws; `pace` in thousands of pixel-steps a second, None where it never drew."""

    model: AIModel
    is_loaded: bool
    pace: float | None


def team_lines() -> list[TeamLine]:
    """Return the teams with live jobs, pictures or rules, those that wait first; four queries."""
    jobs = ImageJob.objects.filter(state__in=[State.QUEUED, State.RUNNING]).values("team")
    waits = {
        row["team"]: (row["waiting"], row["running"], row["oldest"])
        for row in jobs.annotate(
            waiting=Count("pk", filter=Q(state=State.QUEUED)),
            running=Count("pk", filter=Q(state=State.RUNNING)),
            oldest=Min("created_at", filter=Q(state=State.QUEUED)),
        ).order_by()
    }
    drawn = dict(Picture.objects.values("team").annotate(n=Count("pk")).order_by("-n").values_list("team", "n"))
    policies = {policy.team_id: policy for policy in ImagePolicy.objects.exclude(team=None) if policy.team_id}
    teams = Team.objects.filter(pk__in={*waits, *policies, *drawn})
    lines = [
        TeamLine(team, policies.get(team.pk), drawn.get(team.pk, 0), *waits.get(team.pk, (0, 0, None)))
        for team in teams
    ]
    return sorted(lines, key=lambda line: (-line.waiting - line.running, line.team.name))[:MOST_TEAMS]


def model_lines() -> Sequence[ModelLine]:
    """Return the models that draw, with their state."""
    loaded, _free = presence.look()
    rows = list(AIModel.objects.filter(kind=AIModel.Kind.IMAGE).order_by("-is_default", "title"))
    paces = pace.paces()
    return [ModelLine(row, row.name in loaded, paces.get(row.pk)) for row in rows]
