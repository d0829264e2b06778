"""Our commands say a sentence where the tables are older than the program."""

from typing import Any

import pytest
from django.db.migrations.executor import MigrationExecutor

from kb_project.migrated import require_migrated


@pytest.mark.django_db
def test_it_lets_commands_run_on_tables_of_today() -> None:
    require_migrated("evaluate_retrieval")


@pytest.mark.django_db
def test_it_ends_our_commands_with_a_sentence_on_older_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_args: [("a migration", False)] * 3)

    with pytest.raises(SystemExit, match="lack 3 migrations"):
        require_migrated("evaluate_retrieval")


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["migrate", "showmigrations", "no-such-command"])
def test_it_leaves_other_commands_alone(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(*_args: Any) -> None:
        raise AssertionError("it was asked")

    monkeypatch.setattr(MigrationExecutor, "migration_plan", plan)
    require_migrated(command)
