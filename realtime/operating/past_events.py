"""What ``manage.py realtime_events`` finds: by table, operation, record, actor, action and time.

Whoever runs it has the database anyway; it looks with nobody's eyes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from realtime.database.change_log import Change, current_watermark, look_up
from realtime.database.tables import live_tables
from realtime.groups import table_group
from realtime.keys import UUIDS, read_key
from realtime.models import RealtimeChange

OPERATIONS = tuple(op.value.lower() for op in RealtimeChange.Op)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
TIMES = "a time like 2026-11-28T14:05 (UTC without a zone), a day, or how long ago: 90s, 10m, 2h, 7d"
# Read, and sent again, at a time.
PAGE = 1_000


class BadFilter(ValueError):
    """A value that can't be looked for, with the valid ones, as a sentence."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty parts leave nothing out."""

    tables: tuple[str, ...]
    operations: tuple[str, ...] = ()
    record: str = ""
    actors: tuple[str, ...] = ()
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def passes(self, table: str, operation: str, record: str, actor: str) -> bool:
        """Whether an event that goes by is wanted; an event has neither an action nor a time to ask for."""
        return (
            table in self.tables
            and (not self.operations or operation in self.operations)
            and (not self.record or record == self.record)
            and (not self.actors or actor in self.actors)
        )

    def found(self) -> Iterator[list[Change]]:
        """Pages of the log's entries, oldest first."""
        now = current_watermark()
        found = RealtimeChange.objects.filter(self._condition()).order_by("revision").values_list("revision", flat=True)
        after = 0
        while revisions := list(found.filter(revision__gt=after)[:PAGE]):
            yield list(look_up(revisions, now).values())
            after = revisions[-1]

    def _condition(self) -> Q:
        # Names the tables in any case: the index of records begins with them.
        wanted = Q(table_name__in=self.tables)
        if self.operations:
            wanted &= Q(op__in=[operation.upper() for operation in self.operations])
        if self.record:
            wanted &= Q(row_key=self.record)
        if self.actors:
            wanted &= Q(actor__in=self.actors)
        if self.action:
            wanted &= Q(action=self.action)
        if self.since:
            wanted &= Q(at__gte=self.since)
        if self.until:
            wanted &= Q(at__lt=self.until)
        return wanted


def tables_named(name: str | None) -> tuple[str, ...]:
    known = live_tables()
    if name and name not in known:
        raise BadFilter(f"Unknown table '{name}'; live tables: {', '.join(known)}")
    return (name,) if name else known


def operations_named(words: str) -> tuple[str, ...]:
    """``words`` has them separated by commas."""
    told = tuple(word.strip().lower() for word in words.split(",") if word.strip())
    for word in told:
        if word not in OPERATIONS:
            raise BadFilter(f"Unknown operation '{word}'; operations: {', '.join(OPERATIONS)}")
    return told


def record_named(key: str) -> str:
    try:
        return str(read_key(key.strip()))
    except ValueError:
        example = "5b0e6f52-7c1d-4f0e-9a55-0c6f2f3f8d11" if UUIDS else "4711"
        raise BadFilter(f"'{key}' is no record's id; it is written like {example}") from None


def actors_named(term: str) -> list[str]:
    """What the log may call somebody with this key, name or role."""
    users: Any = get_user_model()._default_manager
    named = Q(username__icontains=term) | Q(first_name__icontains=term) | Q(last_name__icontains=term)
    return [term, *(str(user) for user in users.filter(named).values_list("pk", flat=True))]


def time_named(option: str, text: str) -> datetime:
    """``option`` is what the value was given for."""
    if ago := re.fullmatch(r"(\d{1,6})([smhd])", text.strip()):
        return timezone.now() - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        moment, day = parse_datetime(text.strip()), parse_date(text.strip())
    except ValueError:
        moment = day = None
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day)
    if moment is None:
        raise BadFilter(f"{option} is '{text}'; it takes {TIMES}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def group_named(group: str, tables: tuple[str, ...]) -> str:
    """The one table whose group this is. ``tables`` are those that are looked for."""
    groups = {table_group(table): table for table in tables}
    if group not in groups:
        raise BadFilter(f"Unknown group '{group}'; groups of these tables: {', '.join(groups)}")
    return groups[group]
