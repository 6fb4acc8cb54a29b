"""From the changes of one poll to the frames of each subscriber: filters, privileges and row security, asked in bulk.

Visibility is decided now, on the row as it is now, as walrus does: a row that was inserted and deleted again before
the poll loses its INSERT (facts 0.4).
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from realtime.local.realtime_server import changes as change_text
from realtime.local.realtime_server.catalog import Catalog, Comparison, Key, Table
from realtime.local.realtime_server.changes import Change
from realtime.local.realtime_server.pgoutput import Unchanged
from realtime.local.realtime_server.subscriptions import Registry, Subscriber, Subscription, Viewer


@dataclass(frozen=True, slots=True)
class Delivery:
    """One frame to one subscriber; `ids` counts for the rate limit."""

    subscriber: Subscriber
    payload: str
    ids: int


@dataclass
class Batch:
    """The changes somebody may want, and PostgreSQL's answers about them."""

    changes: list[tuple[Change, list[Subscription]]]
    tables: dict[int, Table]
    passed: dict[Comparison, bool]
    seen: dict[tuple[Viewer, int], set[Key]]


async def deliveries(
    changes: list[Change], registry: Registry, catalog: Catalog, max_bytes: int
) -> list[list[Delivery]]:
    """Return the deliveries of each change, in commit order; changes nobody sees are left out."""
    wanted = [(change, subscriptions) for change in changes if (subscriptions := _interested(change, registry))]
    if not wanted:
        return []
    roles = {subscription.viewer.role for _, subscriptions in wanted for subscription in subscriptions}
    tables = await catalog.tables({change.oid for change, _ in wanted}, roles)
    batch = Batch([pair for pair in wanted if pair[0].oid in tables], tables, {}, {})
    batch.passed = dict(await catalog.compare(set(_comparisons(batch))))
    for (viewer, oid), keys in _rows_to_check(batch).items():
        batch.seen[viewer, oid] = await catalog.visible(viewer, tables[oid], list(keys))
    return [
        frames
        for change, subscriptions in batch.changes
        if (frames := _frames(change, subscriptions, batch, max_bytes))
    ]


def _interested(change: Change, registry: Registry) -> list[Subscription]:
    return [one for one in registry.of_table(change.oid) if one.binding.wants(change.kind)]


def _comparison(change: Change, table: Table, subscription: Subscription) -> Iterator[Comparison | None]:
    """The questions behind a subscription's filters; None for a missing value, which never matches."""
    for wanted in subscription.binding.filters:
        column = table.column(wanted.column)
        value = change.filtered_row.get(wanted.column, Unchanged.TOAST)
        if column is None or isinstance(value, Unchanged):
            yield None
        else:
            yield Comparison(column.sql_type, wanted.operator, wanted.negated, value, wanted.value)


def _comparisons(batch: Batch) -> Iterator[Comparison]:
    for change, subscriptions in batch.changes:
        for subscription in subscriptions:
            for comparison in _comparison(change, batch.tables[change.oid], subscription):
                if comparison is not None:
                    yield comparison


def _rows_to_check(batch: Batch) -> dict[tuple[Viewer, int], dict[Key, None]]:
    rows: defaultdict[tuple[Viewer, int], dict[Key, None]] = defaultdict(dict)
    for change, subscriptions in batch.changes:
        table = batch.tables[change.oid]
        if table.row_security and table.primary_key and change.kind != "DELETE":
            for subscription in subscriptions:
                rows[subscription.viewer, change.oid][_key(change, table)] = None
    return rows


def _key(change: Change, table: Table) -> Key:
    values = (change.new.get(column.name) for column in table.primary_key)
    return tuple(value if isinstance(value, str) else None for value in values)


def _frames(change: Change, subscriptions: list[Subscription], batch: Batch, max_bytes: int) -> list[Delivery]:
    """Group by what the text depends on (role, select, refusal), then by subscriber."""
    table = batch.tables[change.oid]
    groups: dict[tuple[str, tuple[str, ...] | None, str | None], dict[Subscriber, list[int]]] = {}
    for subscription in sorted(subscriptions, key=lambda one: one.binding.select is not None):
        role, select = subscription.viewer.role, subscription.binding.select
        error = _refusal(change, table, role)
        if error is None and not _reaches(change, subscription, batch):
            continue
        group = groups.setdefault((role, None if error else select, error), {})
        group.setdefault(subscription.subscriber, []).append(subscription.binding.id)
    frames: list[Delivery] = []
    for (role, select, error), subscribers in groups.items():
        text = (
            change_text.refusal(change, table, error)
            if error
            else change_text.data(change, table, role, select, max_bytes)
        )
        for subscriber, ids in subscribers.items():
            payload = f'{{"data":{text},"ids":[{",".join(map(str, sorted(ids)))}]}}'
            frames.append(Delivery(subscriber, payload, len(ids)))
    return frames


def _refusal(change: Change, table: Table, role: str) -> str | None:
    if change.kind == "DELETE":
        return None
    if not table.primary_key:
        return change_text.NO_PRIMARY_KEY
    return None if all(role in column.roles for column in table.primary_key) else change_text.UNAUTHORIZED


def _reaches(change: Change, subscription: Subscription, batch: Batch) -> bool:
    table = batch.tables[change.oid]
    for comparison in _comparison(change, table, subscription):
        if comparison is None or not batch.passed[comparison]:
            return False
    if not table.row_security or change.kind == "DELETE":
        return True
    return _key(change, table) in batch.seen[subscription.viewer, change.oid]
