"""Tests behind the wall: as the product's role, which owns the tables and is bound by their policies all the same."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections

from kb_project.roles import ROLE, hand_over, make_role

_OF_A_TABLE = " FROM pg_class WHERE oid = 'libraries_chunk'::regclass"


@contextmanager
def as_role() -> Iterator[None]:
    """Be the product's role until the block ends; rows are made before, as the superuser."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # an owner cannot change while checks of its rows wait
        cursor.execute(f"SELECT current_user = '{ROLE}', relowner::regrole = '{ROLE}'::regrole" + _OF_A_TABLE)
        is_role, is_owner = cursor.fetchone()
        if not is_owner:
            make_role(connection.connection, ROLE)
            hand_over(connection.connection, connection.settings_dict["NAME"], ROLE)
        if not is_role:
            cursor.execute(f"SET ROLE {ROLE}")
    try:
        yield
    finally:
        if not is_role and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")


@pytest.fixture
def behind_the_wall(db: None) -> Iterator[None]:
    """Run the test as the product's role; name it behind the fixtures that make rows."""
    with as_role():
        yield


@pytest.fixture
def role_everywhere(transactional_db: None) -> Iterator[None]:
    """Let every connection that is opened from now on, in whatever thread, be the product's role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        is_superuser = cursor.fetchone()[0] != ROLE
    if is_superuser:
        make_role(connection.connection, ROLE)
        hand_over(connection.connection, connection.settings_dict["NAME"], ROLE)
    options = connections.settings["default"]["OPTIONS"]
    options["options"] = f"-c role={ROLE}"
    connection.close()
    yield
    del options["options"]
    connection.close()
