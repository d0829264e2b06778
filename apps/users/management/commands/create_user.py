"""`manage.py create_user EMAIL`: make an account."""

import secrets
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.core.validators import validate_email
from django.db import transaction

from apps.core.commands import ShellCommand
from apps.users.models import Role, Team, User
from apps.users.services import add_member, create_user

PASSWORD_BYTES = 15


class Command(ShellCommand):
    help = "Creates an account; without --password a random one is made and printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--password", help="visible to others in the process list; leave it out for a random one")
        parser.add_argument("--name", default="")
        parser.add_argument("--team", help="name or id of a team to join")
        parser.add_argument("--role", choices=Role.values, default=Role.VIEWER, help="role in the team")
        parser.add_argument("--admin", action="store_true", help="an administrator of the installation")
        parser.add_argument("--language", choices=[code for code, _ in settings.LANGUAGES], default="")

    @transaction.atomic
    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        password = options["password"] or secrets.token_urlsafe(PASSWORD_BYTES)
        _check(options["email"], options["name"], password)
        team = _team(options["team"]) if options["team"] else None
        user = create_user(
            email=options["email"],
            password=password,
            name=options["name"],
            language=options["language"],
            is_admin=options["admin"],
        )
        if team is not None:
            add_member(team=team, user=user, role=Role(options["role"]))
        made = {} if options["password"] else {"password": password}
        return {"id": str(user.pk), "email": user.email, "team": team.name if team else None} | made

    def sentence(self, result: dict[str, Any]) -> str:
        password = f" The password is {result['password']}" if "password" in result else ""
        return f"Created the account {result['email']}.{password}"


def _check(email: str, name: str, password: str) -> None:
    try:
        validate_email(email)
        validate_password(password, User(email=email, name=name))
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None


def _team(wanted: str) -> Team:
    try:
        found = list(Team.objects.filter(pk=UUID(wanted)))
    except ValueError:
        found = list(Team.objects.filter(name=wanted)[:2])
    if len(found) == 1:
        return found[0]
    message = f"There is no team {wanted}." if not found else f"Several teams are called {wanted}: give its id."
    raise CommandError(message)
