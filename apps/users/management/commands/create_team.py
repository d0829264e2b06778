"""`manage.py create_team NAME`: make a team."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.core.commands import ShellCommand
from apps.users.models import Team, User
from apps.users.services import create_team

LONGEST = Team._meta.get_field("name").max_length or 0


class Command(ShellCommand):
    help = "Creates a team."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the team's name")
        parser.add_argument("--owner", help="e-mail of the person who owns it")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        name = options["name"].strip()
        if not 0 < len(name) <= LONGEST:
            message = f"A team's name has 1 to {LONGEST} characters."
            raise CommandError(message)
        owner = User.objects.filter(email__iexact=options["owner"]).first() if options["owner"] else None
        if options["owner"] and owner is None:
            message = f"There is no account with the address {options['owner']}."
            raise CommandError(message)
        team = create_team(name=name, owner=owner)
        return {"id": str(team.pk), "name": team.name, "owner": owner.email if owner else None}

    def sentence(self, result: dict[str, Any]) -> str:
        return f"Created the team {result['name']} ({result['id']})."
