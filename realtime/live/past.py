"""What a row was at an earlier revision, and what of it has changed since, by whom. From the change log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from realtime.live.field_changes import label_of, logged_value, shown_fields
from realtime.live.people import known_names
from realtime.live.person import person_hash
from realtime.models import LiveModel, RealtimeChange

SOMEBODY = "Somebody"
# Of a row that a program changes all the time, who changed what is told for the last changes only.
ENTRIES_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Changer:
    """``person`` is the hash of who it was, so that somebody's own page can tell; empty for nobody known."""

    name: str = SOMEBODY
    person: str = ""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that differs from what it ``was``; ``control`` is what a form's control holds for ``now``."""

    name: str
    label: str
    was: Any
    now: Any
    control: str
    by: Changer


def row_at(row: LiveModel, revision: int | None) -> LiveModel | None:
    """The row as it was at ``revision``; None where the log doesn't say, or the row never had that revision."""
    # Rows of an adopted table begin at 0.
    if revision is None or not 0 <= revision <= row.revision:
        return None
    if revision == row.revision:
        return row
    image = _image(row, revision)
    if image is None:
        return None
    model = type(row)
    fields = model._meta.concrete_fields
    values = {field.attname: logged_value(field, image.get(str(field.column))) for field in fields}
    return model.from_db(None, list(values), list(values.values()))


def _image(row: LiveModel, revision: int) -> dict[str, Any] | None:
    entries = _entries(row)
    made = entries.filter(revision=revision).values_list("new", flat=True).first()
    if made:
        return dict(made)
    # What made it may be pruned already, or be older than the log; the next change says what it found.
    found = entries.filter(revision__gt=revision, old__isnull=False).order_by("revision")
    before = found.values_list("old", flat=True).first()
    return dict(before) if before and before.get("revision") == revision else None


def changes_since(row: LiveModel, revision: int) -> list[FieldChange]:
    """The fields that differ from what they were at ``revision``; all of them where that isn't known any more."""
    if row.revision <= revision:
        return []
    before = row_at(row, revision)
    changed = {
        field: getattr(before, field.attname, None)
        for field in shown_fields(row)
        if before is None or getattr(before, field.attname) != getattr(row, field.attname)
    }
    by = changers(row, revision, [field.name for field in changed])
    return [
        FieldChange(field.name, label_of(field), was, now, in_control(now), by[field.name])
        for field, was in changed.items()
        for now in [getattr(row, field.attname)]
    ]


def in_control(value: Any) -> str:
    """A value as the control of a form holds it, times in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else str(value)


def changers(row: LiveModel, since: int | None, names: Iterable[str]) -> dict[str, Changer]:
    """Who changed these fields last after ``since``; somebody without a name where that isn't known."""
    wanted = set(names)
    if not wanted:
        return {}
    columns = {str(field.column): field.name for field in shown_fields(row) if field.name in wanted}
    actors: dict[str, str] = {}
    for entry in _entries(row).filter(revision__gt=since or 0).order_by("-revision")[:ENTRIES_LIMIT]:
        old, new = entry.old or {}, entry.new or {}
        for column in [column for column in columns if old.get(column) != new.get(column)]:
            actors[columns.pop(column)] = entry.actor
        if not columns:
            break
    known = known_names(actors.values())
    found = {name: Changer(known[key], person_hash(key)) for name, key in actors.items() if key in known}
    return {name: found.get(name, Changer()) for name in wanted}


def _entries(row: LiveModel) -> Any:
    return RealtimeChange.objects.filter(table_name=row._meta.db_table, row_key=str(row.pk))
