#!/usr/bin/env python
"""Runs a management command, finding or starting the embedded services first."""

import os
import sys

# Commands that need neither database nor broker: they must work while nothing runs.
WITHOUT_SERVICES = {
    "makemessages",
    "compilemessages",
    "collectstatic",
    "check",
    "evaluate_image_model",
    "help",
    "install_models",
    "parse_file",
    "parse_prompt",
    "train_demo_image_model",
}


def main() -> None:
    """Run the command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kb_project.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command not in WITHOUT_SERVICES and "--help" not in sys.argv:
        import kb_project.celery  # noqa: F401  # else a task that is rung here goes to Celery's default broker
        from kb_project.embedded import ensure_services

        ensure_services()
        from kb_project.migrated import require_migrated

        require_migrated(command)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
