"""Values that PostgreSQL can hold but Python or Django can't: one such row must not take its whole list down.

Constraints keep most of them out, but a constraint may be younger than a row, and triggers may have been off.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import DataError
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.datetime import TimestampLoader
from psycopg.types.numeric import NumericLoader

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)


def load_bearably(sender: Any, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Receiver of ``connection_created``.

    A time beyond Python's range becomes the nearest one within it. NaN and infinity aren't amounts: they become None.
    A time without a zone, as an adopted table may have, is UTC.
    """
    if connection.vendor != "postgresql":
        return
    adapters = connection.connection.adapters
    adapters.register_loader("numeric", _Amount)
    djangos = adapters.get_loader(adapters.types["timestamptz"].oid, Format.TEXT)
    # A pooled connection comes here more than once.
    adapters.register_loader("timestamp", _Naive)
    if djangos is not None and not issubclass(djangos, _Bearable):
        adapters.register_loader("timestamptz", type("_BearableTime", (_Bearable, djangos), {}))


class _Amount(NumericLoader):
    def load(self, data: Any) -> Decimal | None:  # type: ignore[override]
        value = super().load(data)
        return value if value.is_finite() else None


class _Naive(TimestampLoader):
    def load(self, data: Any) -> datetime:
        try:
            return min(max(super().load(data).replace(tzinfo=UTC), EARLIEST), LATEST)
        except DataError:
            told = bytes(data)
            return EARLIEST if told.startswith(b"-") or told.endswith(b"BC") else LATEST


class _Bearable(Loader):
    def load(self, data: Any) -> datetime:
        try:
            value: datetime = super().load(data)  # type: ignore[safe-super]
        except DataError:
            told = bytes(data)
            return EARLIEST if told.startswith(b"-") or told.endswith(b"BC") else LATEST
        return min(max(value, EARLIEST), LATEST)
