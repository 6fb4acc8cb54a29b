"""The kinds whose history is told and whose changes can be undone, and what their values are called.

Apps say which. What hangs on a record follows from the foreign keys between kinds.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Field, ForeignKey, UUIDField

from realtime.live.field_changes import HIDDEN_FIELDS, label_of, logged_value
from realtime.live.kind import Kind
from realtime.live.people import known_names

# Whether somebody may add, change or delete this very row.
May = Callable[[Any, str, Mapping[str, Any]], bool]

UNKNOWN_PERSON = "Unknown"
GONE = "a deleted one"


@dataclass(frozen=True, slots=True)
class Tracked:
    """A kind with a history. ``words`` come before a record's name. ``home`` is the column that names the record on
    whose page it is shown; ``hidden`` are columns that mean nothing to readers.
    """

    kind: Kind
    words: str
    home: str = ""
    hidden: frozenset[str] = frozenset()
    may_row: May | None = None

    @property
    def table(self) -> str:
        return self.kind.table

    @property
    def fields(self) -> "dict[str, Field[Any, Any]]":
        """What readers are told of, by column."""
        fields = self.kind.model._meta.concrete_fields
        left_out = HIDDEN_FIELDS | self.hidden
        return {str(field.column): field for field in fields if field.name not in left_out}

    @property
    def parents(self) -> dict[str, Kind]:
        """By column, the kinds that its rows hang on."""
        fields = self.kind.model._meta.concrete_fields
        found = {str(field.column): _by_model.get(field.related_model) for field in fields if field.is_relation}
        return {column: tracked.kind for column, tracked in found.items() if tracked is not None}

    @property
    def permissions(self) -> frozenset[str]:
        """What it takes to see its history."""
        kinds = [self.kind, *([self.parents[self.home]] if self.home else [])]
        return frozenset(kind.permission("view") for kind in kinds)

    def may(self, user: Any, verb: str, row: Mapping[str, Any]) -> bool:
        if self.may_row is not None:
            return self.may_row(user, verb, row)
        return bool(user.has_perm(self.kind.permission(verb)))

    def called(self, row: Mapping[str, Any] | None) -> str:
        """The name that a row had, where it had one of its own."""
        return str(next((row[name] for name in ("name", "title", "file_name") if row and row.get(name)), ""))


_by_name: dict[str, Tracked] = {}
_by_model: dict[Any, Tracked] = {}


def track(kind: Kind, words: str = "", home: str = "", hidden: Iterable[str] = (), may_row: May | None = None) -> None:
    """Gives a kind a history. Whatever its rows hang on must be tracked first."""
    tracked = Tracked(kind, words or f"the {kind.singular}", home, frozenset(hidden), may_row)
    _by_name[kind.singular] = _by_model[kind.model] = tracked


def all_tracked() -> list[Tracked]:
    """What hangs on others comes after those."""
    return list(_by_name.values())


def tracked_named(name: str) -> Tracked | None:
    """By a kind's name, in the singular."""
    return _by_name.get(name)


def tracked_table(table: str) -> Tracked | None:
    return next((tracked for tracked in _by_name.values() if tracked.table == table), None)


def seen_by(user: Any) -> list[str]:
    """The kinds whose history somebody may see."""
    return sorted(name for name, tracked in _by_name.items() if user.has_perms(tracked.permissions))


def hanging_on(kind: Kind) -> list[tuple[Tracked, str]]:
    """The kinds whose rows hang on one of this, each with the column that says on which."""
    return [(tracked, column) for tracked in all_tracked() for column, p in tracked.parents.items() if p == kind]


@dataclass
class Words:
    """What values are called, for somebody who sees the kinds named ``seen``.

    First everything is asked for, then read at once, then told.
    """

    seen: frozenset[str]
    _keys: dict[Kind, set[str]] = field(default_factory=dict)
    _people: set[str] = field(default_factory=set)
    # Two kinds' rows may have the same key, where keys are numbers.
    _records: dict[tuple[str, str], str] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)

    def ask(self, tracked: Tracked, row: Mapping[str, Any] | None) -> None:
        for column, logged in (row or {}).items():
            field_ = tracked.fields.get(column)
            if logged is None or field_ is None:
                continue
            if column in tracked.parents:
                self.ask_record(tracked.parents[column], str(logged))
            elif _holds_a_person(field_):
                self._people.add(str(logged))

    def ask_record(self, kind: Kind, key: str) -> None:
        if kind.singular in self.seen:
            self._keys.setdefault(kind, set()).add(key)

    def ask_person(self, actor: str) -> None:
        self._people.add(actor)

    def read(self) -> None:
        self._known |= known_names(self._people)
        for kind, keys in self._keys.items():
            relations = [field.name for field in kind.model._meta.concrete_fields if field.is_relation]
            parents = {parent.singular for parent in _by_model[kind.model].parents.values()}
            for row in kind.model._default_manager.filter(pk__in=keys).select_related(*relations):
                # Without a name of its own it is called by what it hangs on.
                if parents <= self.seen or _by_model[kind.model].called(vars(row)):
                    self._records[kind.table, str(row.pk)] = str(row)

    def record(self, kind: Kind, key: str) -> str:
        """The name of a record that is there; empty for one that isn't."""
        return self._records.get((kind.table, key), "")

    def person(self, actor: str) -> str:
        return self._known.get(actor, "")

    def tells_of(self, tracked: Tracked, column: str) -> bool:
        """Whether this reader may know the values of a column."""
        if column not in tracked.fields:
            return False
        if not tracked.fields[column].is_relation:
            return True
        return column in tracked.parents and tracked.parents[column].singular in self.seen

    def value(self, tracked: Tracked, column: str, logged: Any) -> Any:
        """What people call a logged value; None for none."""
        field_ = tracked.fields[column]
        if logged is None or logged == "":
            return None
        if isinstance(field_, ForeignKey):
            return self._records.get((field_.related_model._meta.db_table, str(logged)), GONE)
        if _holds_a_person(field_):
            return self._known.get(str(logged), UNKNOWN_PERSON)
        return dict(field_.flatchoices).get(logged, logged_value(field_, logged))

    def label(self, tracked: Tracked, column: str) -> str:
        return label_of(tracked.fields[column])


def _holds_a_person(field_: "Field[Any, Any]") -> bool:
    """Ids of staff have no foreign key (design rule 19)."""
    return isinstance(field_, UUIDField) and not field_.primary_key
