import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import redis
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime.database.tables import live_tables
from realtime.groups import STATUS_GROUP, table_group


class Command(BaseCommand):
    help = "Watches events go by, as the web processes get them: what happened to which row, never what is in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("table", nargs="?", help="only this table")

    def handle(self, *args: Any, **options: Any) -> None:
        table, known = options["table"], live_tables()
        if table and table not in known:
            raise CommandError(f"Unknown table '{table}'; live tables: {', '.join(known)}")
        try:
            asyncio.run(self._watch([table] if table else list(known)))
        except KeyboardInterrupt:
            return
        except (redis.RedisError, OSError) as error:
            where = urlsplit(settings.REDIS_URL)
            place = f"{where.hostname}:{where.port or 6379}" if where.hostname else where.path
            raise CommandError(f"Redis can't be reached at {place} ({type(error).__name__}): check REDIS_URL") from None

    async def _watch(self, tables: list[str]) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel("events.")
        for group in (STATUS_GROUP, *map(table_group, tables)):
            await layer.group_add(group, channel)
        self._say(f"watching {', '.join(tables)}")
        errors = 0
        while True:
            message = await layer.receive(channel)
            if message["type"] == "realtime.changes":
                for revision, kind, key, columns, actor, path in message["changes"]:
                    told = f" ({', '.join(columns)})" if columns else ""
                    self._say(f"{kind} {message['table']} {key} revision {revision} by {actor} via {path}{told}")
            elif message["type"] == "realtime.reset":
                self._say(f"reset {message['table']}: {message['reason']}")
            elif message["status"]["handler_errors"] != errors:
                errors = message["status"]["handler_errors"]
                self._say(f"handler errors so far: {errors}")

    def _say(self, line: str) -> None:
        self.stdout.write(f"{datetime.now(UTC):%H:%M:%S.%f} {line}")
        self.stdout.flush()
