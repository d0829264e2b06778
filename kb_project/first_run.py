"""The first minutes: one admin, one team, one library that answers the first question."""

import os
import secrets
from pathlib import Path

from kb_project.bootstrap import fail, say
from kb_project.env import BASE_DIR

ADMIN_EMAIL = "admin@localhost"
SAMPLES = BASE_DIR / "docs" / "sample"
GUIDES = BASE_DIR / "docs"


def welcome() -> None:
    """Print the address; at the very first start also make the admin and the sample and print the password."""
    from django.conf import settings

    from apps.users.models import User

    lines = [f"Zhiku answers at {settings.PUBLIC_URL}"]
    if not User.objects.exists():
        password = secrets.token_urlsafe(12)
        _make_sample(password)
        lines += [
            f"Sign in as      {ADMIN_EMAIL}",
            f"with password   {password}",
            "(shown this once; change it under your name)",
        ]
    width = max(map(len, lines))
    say("\n\n" + "\n".join(f"    {line:<{width}}" for line in lines) + "\n\n    Ctrl-C stops everything.\n")


def _make_sample(password: str) -> None:
    """Make all of it or nothing: an account whose password was never printed would lock everybody out."""
    from django.core.files import File
    from django.db import transaction

    from apps.ingestion.services import receive_upload
    from apps.libraries.services import create_library
    from apps.users.services import create_team, create_user

    with transaction.atomic():
        admin = create_user(email=ADMIN_EMAIL, password=password, name="Admin", is_admin=True)
        team = create_team(name="Zhiku", owner=admin)
        library = create_library(
            user=admin,
            team=team,
            name="Zhiku 使用手册 · User guide",
            description="The product's own guide in English and Chinese. 产品自带的中英文手册。",
        )
        for path in _sample_files():
            with path.open("rb") as file:
                receive_upload(user=admin, library=library, file=File(file), name=path.name)


def _sample_files() -> list[Path]:
    return sorted(SAMPLES.glob("*.pdf")) or sorted(GUIDES.glob("user-guide.*.md"))


def main() -> None:
    """Welcome from a process of its own."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_project.settings")
    import django

    import kb_project.celery  # noqa: F401  (tasks that are sent from here find their broker through it)

    try:
        django.setup()
        welcome()
    except KeyboardInterrupt:
        fail("stopped.")


if __name__ == "__main__":
    main()
