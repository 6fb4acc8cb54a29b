"""The latest changes of any kinds, from the change log: who did what to which record.

Apps say which kinds take part. The region's parameters name kinds, and it takes the right to view each of them: what
somebody may not see is never part of what they get.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.models import Field
from django.urls import reverse
from django.utils import timezone

from realtime.database.tables import people_table
from realtime.live.definition import Concern, Params, register
from realtime.live.field_changes import HIDDEN_FIELDS, label_of
from realtime.live.kind import Kind
from realtime.live.people import is_key, known_names
from realtime.live.regions import LiveRegion
from realtime.live.rendering import fragment
from realtime.live.snapshot import Snapshot
from realtime.models import RealtimeChange
from realtime.sight import current_sight, visible_entries

# Of the latest entries of the log, those that belong together become one of so many that are shown.
ENTRIES = 80
SHOWN = 10
# Longer ago is no news. The retention deletes nothing that is younger than it keeps.
NEWS_DAYS = 14
OPS = {
    RealtimeChange.Op.INSERT: "added",
    RealtimeChange.Op.UPDATE: "changed",
    RealtimeChange.Op.DELETE: "deleted",
}

# Each table's latest. By the revision's negative, because an index by table and that serves nothing else: PostgreSQL
# would rather read by the key every entry since the last one of a kind that seldom changes.
LATEST = """
select revision, at, table_name, op, row_key, old, new, actor
from unnest(%(tables)s::text[]) as wanted (name) cross join lateral (
    select * from realtime_change where table_name = wanted.name and op = any(%(ops)s) and {seen}
    order by -revision limit %(limit)s
) as latest
order by revision desc limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Followed:
    """A kind whose changes are shown, and what an entry calls one. ``home`` is the column that names the record on
    whose page it is, with that one's kind. ``related``: by table, the columns that its name is made of.
    """

    kind: Kind
    words: str
    home: tuple[str, Kind] | None
    related: Mapping[str, frozenset[str]]

    def place(self, change: RealtimeChange) -> tuple[Kind, str]:
        """The record that an entry leads to."""
        if self.home is None:
            return self.kind, str(change.row_key)
        column, kind = self.home
        return kind, str((change.new or change.old or {}).get(column))

    @property
    def permissions(self) -> frozenset[str]:
        kinds = (self.kind, self.home[1]) if self.home else (self.kind,)
        return frozenset(kind.permission("view") for kind in kinds)


_followed: dict[str, Followed] = {}


def follow(
    kind: Kind,
    words: str = "",
    home: tuple[str, Kind] | None = None,
    related: Mapping[str, frozenset[str]] | None = None,
) -> None:
    """Shows a kind's changes among the latest."""
    _followed[kind.singular] = Followed(kind, words or f"the {kind.singular}", home, related or {})


def followed_by(user: Any) -> list[str]:
    """The kinds whose changes a user may see."""
    return sorted(name for name, followed in _followed.items() if user.has_perms(followed.permissions))


@dataclass(frozen=True, slots=True)
class Entry:
    """One or more changes of the same sort, by one person in a row: to ``name`` and so many ``others``.

    ``who`` is empty for a program, ``name`` for a record that is gone and had none.
    """

    at: datetime
    who: str
    did: str
    icon: str
    words: str
    name: str
    url: str
    details: str
    others: int


@register
class Activity(LiveRegion):
    name = "activity"
    # Its parameters say which rights it takes.
    permission = ""
    template = "live/_activity.html"
    pause = 2.0

    @property
    def tables(self) -> frozenset[str]:  # type: ignore[override]
        own = {followed.kind.table for followed in _followed.values()}
        return frozenset(
            own | {table for followed in _followed.values() for table in followed.related} | {people_table()}
        )

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        wanted = sorted(set(raw.get("kinds", _followed)))
        if not wanted or not _followed.keys() >= set(wanted):
            raise ValueError(f"no such kinds: {wanted}")
        return {"kinds": wanted}

    def permissions(self, params: Params) -> frozenset[str]:
        return frozenset().union(*(followed.permissions for followed in self._wanted(params)))

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        concerns = {people_table(): Concern()}
        for followed in self._wanted(params):
            for table, columns in followed.related.items():
                known = concerns[table].deciding or frozenset() if table in concerns else frozenset()
                concerns[table] = Concern(known | columns)
        return concerns | {followed.kind.table: Concern() for followed in self._wanted(params)}

    def snapshot(self, params: Params) -> Snapshot:
        context = self.context(params)
        oldest = min((entry.at for entry in context["entries"]), default=None)
        body = fragment(self.template, context)
        return Snapshot(parts={"body": body}, turns_at=oldest and oldest + _news())

    def context(self, params: Params) -> dict[str, Any]:
        wanted = {followed.kind.table: followed for followed in self._wanted(params)}
        changes = _latest(wanted)
        runs = [list(run) for _, run in groupby(changes, key=_sort)][:SHOWN]
        names = _names(wanted[run[0].table_name].place(run[0]) for run in runs)
        people = _people(run[0].actor for run in runs)
        return {
            "entries": [_entry(wanted[run[0].table_name], run, names, people) for run in runs],
            # Then the last run may be longer than what was read of it.
            "is_cut": len(changes) == ENTRIES and len(runs) < SHOWN,
        }

    def _wanted(self, params: Params) -> list[Followed]:
        return [_followed[name] for name in params["kinds"]]


def _news() -> timedelta:
    kept = settings.REALTIME_RETENTION_DAYS
    return timedelta(days=min(NEWS_DAYS, kept) if kept else NEWS_DAYS)


def _latest(tables: Iterable[str]) -> list[RealtimeChange]:
    since = timezone.now() - _news()
    tables = list(tables)
    # Put in by hand: it has no parameters.
    query = LATEST.replace("{seen}", visible_entries("realtime_change", tables, current_sight()))
    changes = RealtimeChange.objects.raw(query, {"tables": tables, "ops": list(OPS), "limit": ENTRIES})
    # The log has no index by time.
    return [change for change in changes if change.at > since]


def _sort(change: RealtimeChange) -> tuple[Any, ...]:
    """Changes in a row of which this is the same are one piece of work."""
    return change.actor, change.table_name, change.op, _changed(change)


def _changed(change: RealtimeChange) -> tuple[str, ...]:
    old, new = change.old or {}, change.new or {}
    return tuple(name for name in new if name not in HIDDEN_FIELDS and new[name] != old.get(name)) if old else ()


def _entry(
    followed: Followed, run: list[RealtimeChange], names: Mapping[tuple[str, str], str], people: Mapping[str, str]
) -> Entry:
    change = run[0]
    kind, key = followed.place(change)
    return Entry(
        at=change.at,
        who=people.get(change.actor, ""),
        did=OPS[RealtimeChange.Op(change.op)],
        icon=followed.kind.icon,
        words=followed.words,
        name=names.get((kind.table, key)) or _last_name(change),
        url=reverse(kind.detail_name, args=[key]) if (kind.table, key) in names else "",
        details=", ".join(_details(followed.kind, change)) if change.op == RealtimeChange.Op.UPDATE else "",
        others=len({entry.row_key for entry in run} - {change.row_key}),
    )


def _details(kind: Kind, change: RealtimeChange) -> Iterable[str]:
    """The fields that changed; of one with a choice of words, also the words."""
    fields: dict[str, Field[Any, Any]] = {str(field.column): field for field in kind.model._meta.concrete_fields}
    for column in _changed(change):
        if column not in fields:
            continue
        words, label = dict(fields[column].flatchoices), label_of(fields[column])
        was, now = (change.old or {}).get(column), (change.new or {}).get(column)
        yield f"{label}: {words.get(was, was)} → {words.get(now, now)}" if words else label


def _last_name(change: RealtimeChange) -> str:
    """What a record that is gone was called, where that was its own column."""
    row = change.new or change.old or {}
    return str(next((row[column] for column in ("name", "title", "file_name") if row.get(column)), ""))


def _names(places: Iterable[tuple[Kind, str]]) -> dict[tuple[str, str], str]:
    """What each of these records that is still there is called, by table and key."""
    by_kind: dict[Kind, set[str]] = {}
    for kind, key in places:
        by_kind.setdefault(kind, set()).add(key)
    names = {}
    for kind, keys in by_kind.items():
        relations = [field.name for field in kind.model._meta.concrete_fields if field.is_relation]
        for row in kind.model._default_manager.filter(pk__in=keys).select_related(*relations):
            names[kind.table, str(row.pk)] = str(row)
    return names


def _people(actors: Iterable[str]) -> dict[str, str]:
    """The names of those actors who are people, known or not."""
    people = {actor for actor in actors if is_key(actor)}
    return dict.fromkeys(people, "Somebody") | known_names(people)
