"""Runs one process of the product in the foreground: `python -m kb_project.container web|io|models|beat|migrate`.

For containers and for service managers; `make run` starts the same commands under its supervisor.
"""

import os
import sys

from kb_project.bootstrap import fail
from kb_project.supervisor import commands


def main(arguments: list[str]) -> None:
    """Become the named process."""
    plan = commands()
    if len(arguments) != 1 or arguments[0] not in {*plan, "migrate"}:
        fail(f"name one of: {', '.join([*plan, 'migrate'])}.")
    name = arguments[0]
    os.environ["KB_PROCESS"] = name
    if name == "migrate":
        migrate()
        return
    os.execvp(plan[name][0], plan[name])  # noqa: S606  (a fixed command, no shell)


def migrate() -> None:
    """Bring the tables up to date, register the models and make the first admin, whose password is printed."""
    from kb_project.first_run import welcome
    from kb_project.setup import prepare_database

    prepare_database()
    welcome()


if __name__ == "__main__":
    main(sys.argv[1:])
