"""The code of the release before goes on running while a migration is applied, and until the last process is replaced.

A column that is to go is first left alone by the code, and removed in a later release: the migration then says
``old_code_survives = "unused since …"``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, models
from django.db.migrations import Migration, operations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

ROOT = Path(__file__).parents[2]
# Up to here there was no release whose code could have been running.
BEFORE_THE_FIRST = {"accounts": 5, "crm": 9, "realtime": 17, "ticketing": 13}
TAKES_AWAY = (
    *(operations.RemoveField, operations.RenameField, operations.DeleteModel, operations.RenameModel),
    *(operations.AlterModelTable, operations.AddConstraint, operations.AlterUniqueTogether),
)
STATEMENT = re.compile(r"\b(drop\s+(column|table|view)|rename\s+(column|to)|set\s+not\s+null)\b", re.IGNORECASE)


def dangers(app: str, migration: Migration, before: ProjectState) -> Iterator[str]:
    """What the old code wouldn't survive, each with the way out."""
    state = before.clone()
    for operation in migration.operations:
        yield from danger(app, operation, state)
        operation.state_forwards(app, state)


def danger(app: str, operation: Operation, state: ProjectState) -> Iterator[str]:
    told = operation.describe()
    if isinstance(operation, TAKES_AWAY):
        yield f"{told}: old code still reads or writes it; let a release pass in which no code does"
    elif isinstance(operation, operations.AddField):
        field = operation.field
        if not (field.null or field.many_to_many) and field.db_default is models.NOT_PROVIDED:
            yield f"{told}: old code inserts rows without it; give it a db_default, or null=True"
    elif isinstance(operation, operations.AlterField):
        old = state.models[app, operation.model_name_lower].fields[operation.name]
        if old.null and not operation.field.null:
            yield f"{told}: old code still writes NULL; let a release pass in which no code does"
        if old.db_type(connection) != operation.field.db_type(connection):
            yield f"{told}: old code expects {old.db_type(connection)}; add a column beside it"
    elif isinstance(operation, operations.RunSQL):
        statements = operation.sql if isinstance(operation.sql, str) else repr(operation.sql)
        if found := STATEMENT.search(statements):
            yield f"{found[0]}: old code still needs it; let a release pass in which no code does"


@pytest.mark.parametrize("app", sorted(BEFORE_THE_FIRST))
def test_old_code_survives_every_migration(app: str) -> None:
    loader = MigrationLoader(None)
    found = []
    for (label, name), migration in sorted(loader.disk_migrations.items()):
        is_new = label == app and int(name[:4]) > BEFORE_THE_FIRST[app]
        if is_new and not getattr(migration, "old_code_survives", ""):
            before = loader.project_state((app, name), at_end=False)
            found += [f"{label} {name}: {told}" for told in dangers(app, migration, before)]
    assert found == []


def test_every_app_of_ours_is_looked_at() -> None:
    ours = {path.parent.parent.name for path in ROOT.glob("[a-z]*/**/migrations/__init__.py")} - {"eighth"}
    assert ours == set(BEFORE_THE_FIRST)


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        (operations.RemoveField("thing", "name"), "no code does"),
        (operations.RenameField("thing", "name", "title"), "no code does"),
        (operations.DeleteModel("thing"), "no code does"),
        (operations.AddField("thing", "size", models.IntegerField(default=1)), "db_default"),
        (operations.AlterField("thing", "note", models.TextField()), "NULL"),
        (operations.AlterField("thing", "name", models.IntegerField()), "expects text"),
        (operations.RunSQL("alter table thing drop column name"), "drop column"),
        (operations.AddField("thing", "size", models.IntegerField(db_default=1)), ""),
        (operations.AddField("thing", "size", models.IntegerField(null=True)), ""),
        (operations.AlterField("thing", "name", models.TextField(null=True)), ""),
        (operations.RunSQL("create index on thing (name)"), ""),
    ],
    ids=lambda value: value.__class__.__name__ if isinstance(value, Operation) else None,
)
def test_what_old_code_does_not_survive_is_found(operation: Operation, told: str) -> None:
    before = ProjectState()
    key, name, note = models.AutoField(primary_key=True), models.TextField(), models.TextField(null=True)
    operations.CreateModel("Thing", [("id", key), ("name", name), ("note", note)]).state_forwards("things", before)
    migration = Migration("0002", "things")
    migration.operations = [operation]
    found = list(dangers("things", migration, before))
    assert [told in one for one in found] == ([True] if told else [])
