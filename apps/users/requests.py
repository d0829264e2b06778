"""The request as views see it behind the middleware of this app."""

from django.http import HttpRequest

from apps.users.models import Role, Team, User


class PersonRequest(HttpRequest):
    """A signed-in person's request; an annotation for views behind `login_required`, never instantiated."""

    user: User
    team: Team | None  # the team the person works in now; None without a membership
    teams: list[Team]  # all their teams, by name
    role: Role | None  # in `team`
