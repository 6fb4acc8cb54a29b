"""The plan of an adoption: every step that is still to do, in order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations import CreateModel
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.recorder import MigrationRecorder

from realtime.adopting.notes import done_steps, note
from realtime.adopting.obstacles import Obstacle, obstacles
from realtime.adopting.steps import NOTHING, Adopted, Step, model_of, stamped_columns_of_the_app, tables_of, translate
from realtime.adopting.survey import survey, taken_names
from realtime.database.adopted import adopted_tables
from realtime.database.closed_tables import close_tables_to_the_api
from realtime.database.tables import live_models

# A migration's own notes, of what isn't for a table of the app.
OUR_OWN = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """``adopted`` are the app's tables by name, ``missing`` the live tables that our migrations will make."""

    adopted: Mapping[str, Adopted]
    missing: tuple[str, ...]
    obstacles: tuple[Obstacle, ...]
    steps: tuple[Step, ...]

    @property
    def blocked(self) -> bool:
        return any(obstacle.remedy for obstacle in self.obstacles)


def foreign_tables() -> list[str]:
    """The live tables that are there though no migration of ours has made them. They may be adopted already."""
    known = adopted_tables()
    made = set(_made_by_us(MigrationExecutor(connection)))
    return [
        name for name in survey([model._meta.db_table for model in live_models()]) if name in known or name not in made
    ]


def _made_by_us(executor: MigrationExecutor) -> Iterator[str]:
    """Which tables our migrations have made here, those of a migration that an adoption has begun too."""
    done = done_steps()
    for key, migration in executor.loader.disk_migrations.items():
        for number, operation in enumerate(migration.operations):
            if isinstance(operation, CreateModel) and (
                key in executor.loader.applied_migrations or _name_of(migration, number) in done
            ):
                yield str(operation.options.get("db_table", f"{migration.app_label}_{operation.name_lower}"))


def pending_migrations() -> int:
    """How many migrations this database doesn't have."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def make_plan() -> Plan:
    """Looks at the database and changes nothing. Raises ``Untranslatable`` for a migration that can't be adopted."""
    models = {str(model._meta.db_table): model for model in live_models()}
    begun = adopted_tables()
    foreign = foreign_tables()
    tables = survey(foreign)
    adopted = {
        name: Adopted(table, tuple(begun[name]) if name in begun else stamped_columns_of_the_app(table))
        for name, table in tables.items()
    }
    done = done_steps()
    found = obstacles(models, tables, begun)
    if not begun:
        found += _taken(models)
    steps = () if any(one.remedy for one in found) else tuple(_once(s for s in _steps(adopted) if s.name not in done))
    there = survey(list(models))
    missing = tuple(name for name in models if name not in there)
    return Plan(adopted, missing, tuple(found), steps)


def _once(steps: Iterable[Step]) -> Iterator[Step]:
    """Several migrations may ask for the same, as for triggers."""
    seen = set()
    for step in steps:
        if not step.table or (step.table, step.text) not in seen:
            seen.add((step.table, step.text))
            yield step


def _taken(models: Mapping[str, Any]) -> Iterator[Obstacle]:
    """Names that our own tables will have."""
    applied = MigrationRecorder(connection).applied_migrations()
    made_by_us = {model._meta.db_table for app, _ in applied for model in _models_of(app)}
    every = {
        str(model._meta.db_table)
        for app in apps.get_app_configs()
        for model in app.get_models(include_auto_created=True)
    }
    for name in taken_names(sorted(every - made_by_us - models.keys())):
        yield Obstacle(
            name,
            "is a name that Livedesk's own tables need, and something else has it",
            f"alter table {name} rename to …;  and the same in the app",
        )


def _models_of(app: str) -> list[Any]:
    return list(apps.get_app_config(app).get_models(include_auto_created=True)) if apps.is_installed(app) else []


def _steps(adopted: Mapping[str, Adopted]) -> Iterator[Step]:
    recorder = MigrationRecorder(connection)
    yield Step("migrations", OUR_OWN, "keep notes of our migrations", NOTHING, _keeping_notes(recorder))
    for name, place in adopted.items():
        yield Step(f"adopt {name}", name, "note which of its columns are the app's", NOTHING, _noting(place))
    executor = MigrationExecutor(connection)
    state = executor.loader.project_state([])
    # From the start, so that each operation is seen on the state that it was written for.
    everything = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    applied = executor.loader.applied_migrations
    for migration, _ in everything:
        key = (migration.app_label, migration.name)
        if key in applied:
            migration.mutate_state(state, preserve=False)
        else:
            yield from _steps_of(migration, state, adopted, recorder)


def _steps_of(
    migration: Migration, state: Any, adopted: Mapping[str, Adopted], recorder: MigrationRecorder
) -> Iterator[Step]:
    for number, operation in enumerate(migration.operations):
        prefix = _name_of(migration, number)
        before = state.clone()
        operation.state_forwards(migration.app_label, state)
        model = model_of(operation, state, migration.app_label) or model_of(operation, before, migration.app_label)
        if adopted.keys() & tables_of(operation, model):
            yield from translate(operation, adopted, prefix, model)
        else:
            yield Step(
                prefix,
                OUR_OWN,
                f"{migration.app_label}.{migration.name}, part {number + 1}",
                NOTHING,
                _applying(operation, migration.app_label, before, state.clone()),
            )
    yield Step(
        f"{migration.app_label}.{migration.name}",
        OUR_OWN,
        f"{migration.app_label}.{migration.name}",
        NOTHING,
        lambda: recorder.record_applied(migration.app_label, migration.name),
    )


def _name_of(migration: Migration, number: int) -> str:
    return f"{migration.app_label}.{migration.name}.{number}"


def _keeping_notes(recorder: MigrationRecorder) -> Callable[[], None]:
    def run() -> None:
        recorder.ensure_schema()
        _close("realtime")

    return run


def _noting(place: Adopted) -> Callable[[], None]:
    return lambda: note(f"theirs of {place.name}", (), table=place.name, theirs=place.theirs)


def _applying(operation: Any, app: str, before: Any, after: Any) -> Callable[[], None]:
    def run() -> None:
        with connection.schema_editor() as editor:
            operation.database_forwards(app, editor, before, after)
        _close(app)

    return run


def _close(app: str) -> None:
    """In the step's own transaction: nobody ever reaches a table of ours through Supabase's API."""
    close_tables_to_the_api(apps.get_app_config(app), DEFAULT_DB_ALIAS)
