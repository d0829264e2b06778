"""Keeps our own commands off tables that are older than the program: a sentence in place of a traceback."""

import sys


def require_migrated(command: str) -> None:
    """End the process where one of our commands would meet tables that lack a migration."""
    import django  # as in all of manage.py: settings come first
    from django.core.management import get_commands

    django.setup()
    if not str(get_commands().get(command, "")).startswith("apps."):
        return
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    connection.close()
    if missing:
        sys.exit(
            f"The tables of this installation lack {len(missing)} migrations. Run `make setup` first"
            " (`make run` does it by itself), then this command again."
        )
