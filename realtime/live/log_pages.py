"""Pages of the change log: what people did, the newest first, from an index whatever is asked (design rule 29)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection

from realtime.database.actor import Origin
from realtime.database.put_back import TRANSACTION
from realtime.live.tracked import Tracked, all_tracked, hanging_on
from realtime.live.zones import midnight
from realtime.models import RealtimeChange
from realtime.sight import Sight, visible_entries

# Of what was done in one go, so many entries are shown together with the others.
SHOWN_ENTRIES = 3
COUNT_LIMIT = 1_000
PORTION = 60
# An entry's number and its time are drawn one after the other, so they can be in another order only among neighbours.
NEIGHBOURS = 1_000

# Besides the origins of actions: who names none is another client of Supabase, known by name, or a role.
CLIENT = "client"
SQL = "sql"
# As the index has it (realtime/migrations).
ORIGIN = (
    "(case when action is not null then split_part(action, ':', 1)"
    " when actor ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then 'client' else 'sql' end)"
)
ORIGINS = (*(str(origin) for origin in Origin), CLIENT, SQL)

# What was done in one go.
_DOING = f"coalesce(action, '{TRANSACTION}' || xid::text)"
COLUMNS = f"revision, at, table_name, op, row_key, old, new, actor, action, {_DOING} as doing, {ORIGIN} as origin"
# A RESET says nothing about any row.
_TOLD = "op <> 'RESET'"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for. ``record`` is a kind and the key of a row, whose history has what hangs on it, too;
    ``doing`` is one action, or ``tx:`` and a transaction. Only what came before the entry ``before``, where it isn't 0.
    """

    kinds: Sequence[Tracked]
    record: tuple[Tracked, str] | None = None
    doing: str = ""
    actor: str = ""
    origin: str = ""
    day: date | None = None
    before: int = 0
    sight: Sight | None = None


@dataclass(slots=True)
class Doing:
    """What was done in one go: its newest entries, and how many it has of what was asked for (at most 1,001)."""

    name: str
    origin: str = ""
    entries: list[Any] = field(default_factory=list)
    count: int = 0


def page_of(asked: Asked, limit: int) -> tuple[list[Doing], int]:
    """The newest ``limit`` of what was asked for, and where the next page goes on: 0 when there is none."""
    if asked.record or asked.doing:
        return _entries_together(asked, limit)
    heads = _heads(asked, limit + 1)
    doings = {name: Doing(name) for name, _ in heads[:limit]}
    tables = [tracked.table for tracked in asked.kinds]
    for condition, names in _by_sort(doings):
        wanted = {"names": names, "tables": tables, "shown": SHOWN_ENTRIES, "most": COUNT_LIMIT + 1}
        for entry in _read(_MEMBERS.replace("{condition}", condition).replace("{seen}", _seen(asked)), wanted):
            doing = doings[entry.doing]
            doing.entries.append(entry)
            doing.count, doing.origin = entry.how_many, entry.origin
    for doing in doings.values():
        # Where a record went or came with all that hangs on it, that one is the last or the first.
        doing.entries[SHOWN_ENTRIES - 1 : -1] = []
        doing.entries.sort(key=lambda entry: tables.index(entry.table_name))
    # The retention may have been quicker.
    return [doing for doing in doings.values() if doing.entries], heads[limit - 1][1] if len(heads) > limit else 0


def _heads(asked: Asked, wanted: int) -> list[tuple[str, int]]:
    """The newest actions, each with the number of its newest entry.

    Entries are read in small portions, without those of the actions that are known by then: an import has 50,000.
    """
    conditions, values = _conditions(asked)
    values |= {"tables": [tracked.table for tracked in asked.kinds], "portion": PORTION}
    heads: list[tuple[str, int]] = []
    known: list[str] = []
    before = asked.before
    # By person or by origin there is an index of its own, which needs reading once and not for each table.
    portion = _OF_SOMEBODY if (asked.actor or asked.origin) and len(asked.kinds) > 1 else _BY_TABLE
    while len(heads) < wanted:
        query = portion.replace("{conditions}", conditions + (_BEFORE if before else ""))
        with connection.cursor() as cursor:
            cursor.execute(query, values | {"known": known, "before": before})
            found = cursor.fetchall()
        new: dict[str, int] = {}
        for name, revision in found:
            new.setdefault(name, revision)
        known += new
        newer = _of_newer_pages(asked, list(new)) if asked.before else set()
        heads += [(name, revision) for name, revision in new.items() if name not in newer]
        if len(found) < PORTION:
            break
        before = found[-1][1]
    return heads[:wanted]


# As both indexes have it.
_BEFORE = " and revision < %(before)s and -revision > -%(before)s"
_OF_SOMEBODY = f"""
select {_DOING} as doing, revision from realtime_change
where table_name = any(%(tables)s) and {_TOLD} {{conditions}} and {_DOING} <> all(%(known)s::text[])
order by -revision limit %(portion)s
"""
# By table, because the index by the key alone would lead past every entry of other kinds.
_BY_TABLE = f"""
select doing, revision from unnest(%(tables)s::text[]) as wanted (name) cross join lateral (
    select {_DOING} as doing, revision from realtime_change
    where table_name = wanted.name and {_TOLD} {{conditions}} and {_DOING} <> all(%(known)s::text[])
    order by -revision limit %(portion)s
) as of_table order by revision desc limit %(portion)s
"""


def _of_newer_pages(asked: Asked, names: list[str]) -> set[str]:
    """Those of these actions that a newer page has shown: they go on for long."""
    conditions, values = _conditions(asked)
    values |= {"tables": [tracked.table for tracked in asked.kinds], "before": asked.before}
    found: set[str] = set()
    for condition, some in _by_sort(names):
        whole = "{}" if condition.startswith("action =") else TRANSACTION + "{}"
        with connection.cursor() as cursor:
            cursor.execute(
                "select name from unnest(%(names)s::text[]) as wanted (name) where exists (select from realtime_change"
                f" where {condition} and revision >= %(before)s and table_name = any(%(tables)s) and {_TOLD}"
                f" {conditions})",
                values | {"names": some},
            )
            found |= {whole.format(name) for (name,) in cursor.fetchall()}
    return found


def _by_sort(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Actions, then transactions, each with the condition that finds the entries of one called ``wanted.name``."""
    transactions = [name.removeprefix(TRANSACTION) for name in names if name.startswith(TRANSACTION)]
    if actions := [name for name in names if not name.startswith(TRANSACTION)]:
        yield "action = wanted.name", actions
    if transactions:
        yield "action is null and xid = wanted.name::xid8", transactions


_MEMBERS = f"""
select * from unnest(%(names)s::text[]) as wanted (name) cross join lateral (
    (select {COLUMNS} from realtime_change
     where {{condition}} and table_name = any(%(tables)s) and {_TOLD} and {{seen}}
     order by revision desc limit %(shown)s)
    union
    (select {COLUMNS} from realtime_change
     where {{condition}} and table_name = any(%(tables)s) and {_TOLD} and {{seen}} order by revision limit 1)
) as member cross join lateral (
    select count(*) as how_many from (
        select from realtime_change
        where {{condition}} and table_name = any(%(tables)s) and {_TOLD} and {{seen}} limit %(most)s
    ) as counted
) as total order by revision desc
"""


def _entries_together(asked: Asked, limit: int) -> tuple[list[Doing], int]:
    """Entry by entry: of one record or one action, each is shown."""
    conditions, values = _conditions(asked, "entry")
    if asked.before:
        conditions += _BEFORE
        values["before"] = asked.before
    ways = [("table_name = any(%(tables)s)", {"tables": [tracked.table for tracked in asked.kinds]})]
    if asked.record:
        ways = _of_record(asked.record, asked.kinds)
    query = " union all ".join(
        f"(select {COLUMNS} from realtime_change as entry where {_TOLD} and {_numbered(way, at)} {conditions}"
        " order by revision desc limit %(limit)s)"
        for at, (way, _) in enumerate(ways)
    )
    values |= {f"{name}{at}": value for at, (_, more) in enumerate(ways) for name, value in more.items()}
    query = f"select * from ({query}) as found order by revision desc limit %(limit)s"
    found = _read(query, values | {"limit": limit + 1})
    doings: list[Doing] = []
    for entry in found[:limit]:
        if not doings or doings[-1].name != entry.doing:
            doings.append(Doing(entry.doing, entry.origin))
        doings[-1].entries.append(entry)
        doings[-1].count += 1
    return doings, found[limit - 1].revision if len(found) > limit else 0


def _numbered(way: str, at: int) -> str:
    for name in ("tables", "table", "key", "column"):
        way = way.replace(f"%({name})s", f"%({name}{at})s")
    return way


def _of_record(record: tuple[Tracked, str], kinds: Sequence[Tracked]) -> list[tuple[str, dict[str, Any]]]:
    """Conditions that find the entries of a record, and of what hangs on it."""
    tracked, key = record
    # As the apps' indexes have it.
    hangs = "table_name = %(table)s and coalesce(new ->> %(column)s, old ->> %(column)s) = %(key)s"
    return [
        ("table_name = %(table)s and row_key = %(key)s", {"table": tracked.table, "key": key}),
        *(
            (hangs, {"table": child.table, "column": column, "key": key})
            for child, column in hanging_on(tracked.kind)
            if child in kinds
        ),
    ]


def _seen(asked: Asked, entry: str = "realtime_change") -> str:
    return visible_entries(entry, [tracked.table for tracked in all_tracked()], asked.sight)


def _conditions(asked: Asked, entry: str = "realtime_change") -> tuple[str, dict[str, Any]]:
    conditions, values = ["", _seen(asked, entry)], dict[str, Any]()
    if asked.doing.startswith(TRANSACTION):
        conditions.append("action is null and xid = %(doing)s::xid8")
        values["doing"] = asked.doing.removeprefix(TRANSACTION)
    elif asked.doing:
        conditions.append("action = %(doing)s")
        values["doing"] = asked.doing
    if asked.actor:
        conditions.append("actor = %(actor)s")
        values["actor"] = asked.actor
    if asked.origin:
        conditions.append(f"{ORIGIN} = %(origin)s")
        values["origin"] = asked.origin
    if asked.day:
        first, after = midnight(asked.day), midnight(date.fromordinal(min(asked.day.toordinal() + 1, MAX_DAY)))
        low, high = _revisions_between(first, after)
        conditions.append(
            # Not by the index of times, which would have the whole day sorted.
            "(at >= %(first)s and at < %(after)s) is true"
            " and revision between %(low)s and %(high)s and -revision between -%(high)s and -%(low)s"
        )
        values |= {"first": first, "after": after, "low": low, "high": high}
    return " and ".join(conditions), values


MAX_DAY = date.max.toordinal()


def _revisions_between(first: Any, after: Any) -> tuple[int, int]:
    """The numbers between which the entries of a stretch of time lie."""
    near = "from (select revision from realtime_change where at {} %s order by at {} limit %s) as near"
    low, high = near.format(">=", ""), near.format("<", "desc")
    with connection.cursor() as cursor:
        cursor.execute(
            f"select coalesce((select min(revision) {low}), 0), coalesce((select max(revision) {high}), 0)",
            [first, NEIGHBOURS, after, NEIGHBOURS],
        )
        low, high = cursor.fetchone()
    return int(low), int(high)


def _read(query: str, values: Mapping[str, Any]) -> list[Any]:
    return list(RealtimeChange.objects.raw(query, values))
