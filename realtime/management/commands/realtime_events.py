import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import redis
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime.database.change_log import Change
from realtime.events import EventPath, RealtimeEvent, TableReset
from realtime.groups import STATUS_GROUP, table_group
from realtime.models import UnusableEvent
from realtime.operating.past_events import (
    OPERATIONS,
    TIMES,
    BadFilter,
    Filter,
    actors_named,
    group_named,
    operations_named,
    record_named,
    tables_named,
    time_named,
)
from realtime.worker.intake import event_of
from realtime.worker.publisher import Publisher


class Command(BaseCommand):
    help = (
        "Watches events go by, as the web processes get them; with a time or an action, reads them from the change log."
        " Tells what happened to which row, never what is in it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("table", nargs="?", help="only this table")
        parser.add_argument("--operation", default="", help=f"only these, separated by commas: {', '.join(OPERATIONS)}")
        parser.add_argument("--record", metavar="ID", help="only this record")
        parser.add_argument("--actor", help="only by this person (name or key) or database role")
        parser.add_argument("--action", help="only what was done in one go, by its name in the change log")
        parser.add_argument("--since", metavar="TIME", help=TIMES)
        parser.add_argument("--until", metavar="TIME", help="the same; without it, now")
        parser.add_argument("--replay", metavar="GROUP", help="sends what is found to realtime.<table> again")
        parser.add_argument("--unusable", action="store_true", help="what couldn't be read, and why")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wanted = self._filter(options)
            group = options["replay"]
            if group:
                wanted = replace(wanted, tables=(group_named(group, wanted.tables),))
        except BadFilter as problem:
            raise CommandError(str(problem)) from None
        try:
            if options["unusable"]:
                self._tell_unusable(wanted)
            elif wanted.since or wanted.until or wanted.action:
                self._tell_past(wanted, group)
            elif group:
                raise CommandError("--replay needs to know what: give --since, --until or --action")
            else:
                asyncio.run(self._watch(wanted))
        except KeyboardInterrupt:
            return
        except (redis.RedisError, OSError) as error:
            where = urlsplit(settings.REDIS_URL)
            place = f"{where.hostname}:{where.port or 6379}" if where.hostname else where.path
            raise CommandError(f"Redis can't be reached at {place} ({type(error).__name__}): check REDIS_URL") from None

    def _filter(self, options: dict[str, Any]) -> Filter:
        since = time_named("--since", options["since"]) if options["since"] else None
        until = time_named("--until", options["until"]) if options["until"] else None
        if since and until and since >= until:
            raise BadFilter(f"--since ({since:%Y-%m-%dT%H:%M:%S}) must lie before --until ({until:%Y-%m-%dT%H:%M:%S})")
        return Filter(
            tables=tables_named(options["table"]),
            operations=operations_named(options["operation"]),
            record=record_named(options["record"]) if options["record"] else "",
            actors=tuple(actors_named(options["actor"])) if options["actor"] else (),
            action=options["action"] or "",
            since=since,
            until=until,
        )

    # What goes by

    async def _watch(self, wanted: Filter) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel("events.")
        for group in (STATUS_GROUP, *map(table_group, wanted.tables)):
            await layer.group_add(group, channel)
        self._say(f"watching {', '.join(wanted.tables)}")
        errors = 0
        while True:
            message = await layer.receive(channel)
            if message["type"] == "realtime.changes":
                for revision, kind, key, columns, actor, path in message["changes"]:
                    if wanted.passes(message["table"], kind, key, actor):
                        self._say(_line(kind, message["table"], key, revision, actor, columns, path))
            elif message["type"] == "realtime.reset":
                if wanted.passes(message["table"], "reset", "", ""):
                    self._say(f"reset {message['table']}: {message['reason']}")
            elif message["status"]["handler_errors"] != errors:
                errors = message["status"]["handler_errors"]
                self._say(f"handler errors so far: {errors}")

    # What has been

    def _tell_past(self, wanted: Filter, group: str | None) -> None:
        publisher, found = Publisher(), 0
        for page in wanted.found():
            found += len(page)
            for change in page:
                told = (change.op.lower(), change.table, change.key, change.revision, change.actor, change.changed)
                self._say(_line(*told, change.action or "no action"), change.at)
            if group:
                for change in page:
                    publisher.handle(_again(change))
                asyncio.run(publisher.flush())
                if not publisher.reachable:
                    raise OSError
        self.stdout.write(f"{found:,} sent to {group} again" if group else f"{found:,} found")

    def _tell_unusable(self, wanted: Filter) -> None:
        events = UnusableEvent.objects.order_by("id").defer("content")
        if wanted.since:
            events = events.filter(at__gte=wanted.since)
        if wanted.until:
            events = events.filter(at__lt=wanted.until)
        told = [event for event in events if not event.table_name or event.table_name in wanted.tables]
        for event in told:
            self._say(f"{event.source} {event.table_name or '-'}: {event.reason}", event.at)
        self.stdout.write(f"{len(told):,} found; the administration shows what came")

    def _say(self, line: str, at: datetime | None = None) -> None:
        when = f"{datetime.now(UTC):%H:%M:%S.%f}" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        self.stdout.write(f"{when} {line}")
        self.stdout.flush()


def _again(change: Change) -> RealtimeEvent[dict[str, Any]] | TableReset:
    if change.op in ("TRUNCATE", "RESET"):
        return TableReset(change.table, "replayed")
    return event_of(change, EventPath.SWEEP)


def _line(kind: str, table: str, key: Any, revision: int, actor: str, columns: Iterable[str], through: str) -> str:
    told = f" ({', '.join(columns)})" if columns else ""
    return f"{kind} {table} {key or '-'} revision {revision} by {actor} via {through}{told}"
