"""What an app registers so that its tables are live: which tables, and which entity each record becomes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError

from realtime.database.tables import import_repository
from realtime.events import RealtimeEvent
from realtime.models import LiveModel
from realtime.worker.event_dispatcher import EventError, RealtimeEventDispatcher

if TYPE_CHECKING:
    # Only the worker talks to Supabase; web processes needn't load its client.
    from realtime.upstream.channel_manager import RealtimeChannelManager

RawEvent = Mapping[str, Any]


class RealtimeRepository:
    """Subscribes to its tables, turns records into entities and emits them through the dispatcher."""

    models: ClassVar[tuple[type[LiveModel], ...]] = ()

    def __init__(self, dispatcher: RealtimeEventDispatcher) -> None:
        self.dispatcher = dispatcher
        self._by_table = {model._meta.db_table: model for model in self.models}

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(self._by_table)

    def subscribe(self, manager: "RealtimeChannelManager", on_raw: Callable[[str, RawEvent], None]) -> None:
        """Subscribes to every table; ``on_raw`` may only enqueue, for it runs inside the client's read loop."""
        for table in self.tables:
            manager.subscribe(table, partial(on_raw, table))

    def emit(self, event: RealtimeEvent[dict[str, Any]]) -> None:
        """Emits a complete event with its record as an entity."""
        self.dispatcher.emit(replace(event, data=self.entity(event.table, event.data)))  # type: ignore[arg-type]

    def entity(self, table: str, record: Mapping[str, Any]) -> LiveModel:
        """The record as an unsaved entity. Columns the model doesn't have are ignored: someone will add one.

        Raises ``EventError`` when a value doesn't fit its column.
        """
        model = self._by_table[table]
        values = {}
        for field in model._meta.concrete_fields:
            column = str(field.column)
            if column in record:
                try:
                    values[field.attname] = field.to_python(record[column])
                except ValidationError:
                    raise EventError(f"'{table}.{column}' holds a value that is no {field.description}") from None
        return model(**values)


class RepositoryRegistry:
    """The repositories named in ``settings.REALTIME_REPOSITORIES``, found by table."""

    def __init__(self, dispatcher: RealtimeEventDispatcher) -> None:
        self._repositories: list[RealtimeRepository] = [
            import_repository(path)(dispatcher) for path in settings.REALTIME_REPOSITORIES
        ]
        self._by_table = {table: repository for repository in self._repositories for table in repository.tables}

    def __iter__(self) -> Iterator[RealtimeRepository]:
        return iter(self._repositories)

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(self._by_table)

    def for_table(self, table: str) -> RealtimeRepository:
        try:
            return self._by_table[table]
        except KeyError:
            raise KeyError(f"unknown table '{table}'; live tables: {', '.join(self._by_table)}") from None
