"""Bindings as clients ask for them, and the subscriptions they become once PostgreSQL has agreed."""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from realtime.local.realtime_server import filters
from realtime.local.realtime_server.filters import Filter
from realtime.local.realtime_server.values import json_text

EVENTS: Final = frozenset({"INSERT", "UPDATE", "DELETE"})
HIGHEST_ID: Final = 2**27 - 1


class SubscribeError(Exception):
    """Why a channel's bindings are refused; the text is the sentence of the `system` frame."""


class Subscriber(Protocol):
    """Who receives events: a joined channel."""

    def deliver(self, payload: str) -> None: ...


@dataclass(frozen=True)
class Binding:
    id: int
    event: str
    schema: str
    table: str | None
    filters: tuple[Filter, ...] = ()
    select: tuple[str, ...] | None = None

    def wants(self, kind: str) -> bool:
        # An event the server doesn't know ("UPSERT") subscribes to all of them: record err-bad-event.
        return self.event not in EVENTS or self.event == kind

    def __str__(self) -> str:
        chosen = "nil" if self.select is None else f"[{', '.join(map(json_text, self.select))}]"
        conditions = ", ".join(map(str, self.filters))
        return (
            f"[event: {self.event}, schema: {self.schema}, table: {self.table or '*'}, "
            f"filters: [{conditions}], select: {chosen}]"
        )


def binding_id(params: dict[str, Any]) -> int:
    """A stable number in 1 … 2^27-1; clients never deliver to a binding with the id 0."""
    return zlib.crc32(json.dumps(params, sort_keys=True).encode()) % HIGHEST_ID + 1


def acknowledged(params: dict[str, Any]) -> dict[str, Any]:
    """The binding as the join reply repeats it."""
    return {"id": binding_id(params)} | {key: params[key] for key in sorted(params) if key != "id"}


def parse_binding(params: dict[str, Any]) -> Binding:
    schema, table = params.get("schema"), params.get("table")
    if not isinstance(schema, str) and not isinstance(table, str):
        pairs = ", ".join(f"{json_text(key)} => {json.dumps(params[key])}" for key in sorted(params))
        raise SubscribeError(
            "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to: "
            f"%{{{pairs}}}"
        )
    select = params.get("select")
    return Binding(
        id=binding_id(params),
        event=str(params.get("event", "*")),
        schema=schema if isinstance(schema, str) else "public",
        table=table if isinstance(table, str) and table != "*" else None,
        filters=_parse_filter(params.get("filter")),
        select=tuple(map(str, select)) if isinstance(select, list) else None,
    )


def _parse_filter(text: Any) -> tuple[Filter, ...]:
    if not isinstance(text, str) or not text:
        return ()
    try:
        return filters.parse(text)
    except filters.FilterError as error:
        raise SubscribeError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose rights decide what is seen: a role and the claims its policies read."""

    role: str
    claims: str


@dataclass(frozen=True, slots=True)
class Subscription:
    subscriber: Subscriber
    binding: Binding
    tables: frozenset[int]
    viewer: Viewer


@dataclass
class Registry:
    """The living subscriptions by table; what `realtime.subscription` is to the real server."""

    _by_subscriber: dict[Subscriber, list[Subscription]] = field(default_factory=dict)
    _by_table: dict[int, list[Subscription]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self._by_subscriber.values()))

    def replace(self, subscriber: Subscriber, subscriptions: Iterable[Subscription]) -> None:
        self._by_subscriber[subscriber] = list(subscriptions)
        self._index()

    def remove(self, subscriber: Subscriber) -> None:
        if self._by_subscriber.pop(subscriber, None) is not None:
            self._index()

    def of_table(self, oid: int) -> list[Subscription]:
        return self._by_table.get(oid, [])

    def _index(self) -> None:
        by_table: defaultdict[int, list[Subscription]] = defaultdict(list)
        for subscriptions in self._by_subscriber.values():
            for subscription in subscriptions:
                for oid in subscription.tables:
                    by_table[oid].append(subscription)
        self._by_table = dict(by_table)
