"""A database of its own for a benchmark: next to the installation's, with the same tables, gone afterwards.

What is measured there does not depend on what the installation holds, and leaves neither dead rows nor bloated indexes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connection

from apps.catalog.models import AIModel
from apps.catalog.services import default_model
from apps.rag.fetching import close_helpers

PREFIX = "zhiku_bench_"


@contextmanager
def own_database() -> Iterator[AIModel]:
    """Work in a new database that holds nothing but the default embedding model. Raises NoModel."""
    model = default_model(AIModel.Kind.EMBEDDING)
    with empty_database():
        yield AIModel.objects.create(**{field.attname: getattr(model, field.attname) for field in model._meta.fields})


@contextmanager
def empty_database() -> Iterator[None]:
    """Work in a new, empty database; remove it whatever happens. What a killed run left is removed by the next one."""
    home, name = connection.settings_dict["NAME"], f"{PREFIX}{os.getpid()}"
    _drop_abandoned()
    _run(f'CREATE DATABASE "{name}"')
    try:
        _connect(name)
        call_command("migrate", verbosity=0, interactive=False)
        yield
    finally:
        _connect(home)
        _run(f'DROP DATABASE "{name}" WITH (FORCE)')


def _connect(name: str) -> None:
    connection.close()
    close_helpers()
    connection.settings_dict["NAME"] = name


def _drop_abandoned() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT d.datname FROM pg_database d WHERE starts_with(d.datname, %s)"
            " AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)",
            [PREFIX],
        )
        for (name,) in cursor.fetchall():
            _run(f'DROP DATABASE IF EXISTS "{name}"')


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
