"""What a person sees, and why: for administrators, who gave the rights and the limits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from realtime.database.tables import live_models
from realtime.live.app_columns import app_columns, label
from realtime.models import ColumnLimit, RowLimit
from realtime.sight import condition, hangs_on, hidden_columns, scope_named, seeing, sight_of


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one kind: how many rows there are and how many of them are seen, in words which, and the reasons.

    ``without`` are the columns that aren't seen.
    """

    kind: str
    which: str
    count: int
    total: int
    why: tuple[str, ...]
    without: tuple[str, ...] = ()


def column_words() -> dict[str, str]:
    """What can be hidden, as ``table/column``, with what it is called; also what an adopted table has besides."""
    words: dict[str, str] = {}
    for model in live_models():
        ours = [(name, str(model._meta.get_field(name).verbose_name).capitalize()) for name in model.hideable]
        theirs = [(column.name, label(column.name)) for column in app_columns(model)]
        words |= {f"{model._meta.db_table}/{name}": word for name, word in (*ours, *theirs)}
    return words


def column_choices() -> list[tuple[str, str]]:
    """The same for a form: "Customers: Phone"."""
    kinds = {model._meta.db_table: str(model._meta.verbose_name_plural).capitalize() for model in live_models()}
    return [(key, f"{kinds[key.partition('/')[0]]}: {word}") for key, word in column_words().items()]


def what_is_seen_by(person: Any) -> list[Seen]:
    """Kind by kind, as the person's groups are now."""
    sight = sight_of(person)
    names = {model._meta.db_table: str(model._meta.verbose_name_plural) for model in live_models()}
    words = column_words()
    told = []
    for model in live_models():
        table = model._meta.db_table
        total = model._base_manager.count()
        why = tuple(_reasons(person, model))
        if not person.is_active or not person.has_perm(_right(model)):
            which = "None"
            why = why or ("No group gives the right to see them.",)
            if not person.is_active:
                why = ("The account is closed.",)
            told.append(Seen(names[table].capitalize(), which, 0, total, why))
            continue
        with seeing(sight):
            count = model._default_manager.count()
            hidden = hidden_columns(table)
        without = tuple(words.get(f"{table}/{column}", column) for column in sorted(hidden))
        above = [names[parent] for _, parent in hangs_on(table) if condition(parent, "seen", sight) is not None]
        if above:
            why += (f"They follow their {' and '.join(dict.fromkeys(above))}.",)
        which = "All" if condition(table, "seen", sight) is None else "Some"
        told.append(Seen(names[table].capitalize(), which, count, total, why, without))
    return told


def _right(model: Any) -> str:
    return f"{model._meta.app_label}.view_{model._meta.model_name}"


def _reasons(person: Any, model: Any) -> Iterator[str]:
    if person.is_superuser:
        yield "A superuser sees everything."
        return
    right = _right(model)
    if person.user_permissions.filter(content_type__app_label=model._meta.app_label, codename=right.split(".")[1]):
        yield "The account itself has the right to see all of them."
    giving = person.groups.filter(
        permissions__content_type__app_label=model._meta.app_label, permissions__codename=right.split(".")[1]
    )
    table = model._meta.db_table
    for group in giving.order_by("name"):
        limits = RowLimit.objects.filter(group=group, scope__startswith=f"{table}/")
        labels = [scope.label if (scope := scope_named(limit.scope)) else "none" for limit in limits]
        yield f"The group {group.name} shows {'; and '.join(labels) if labels else 'all of them'}."
        hides = ColumnLimit.objects.filter(group=group, column__startswith=f"{table}/")
        words = column_words()
        if named := [words.get(limit.column, limit.column) for limit in hides]:
            yield f"The group {group.name} hides {', '.join(named)}."
