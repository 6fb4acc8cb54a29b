"""How a page paints a list or region for the first time, before its socket is open."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction

from realtime.live.definition import definition_named
from realtime.live.rendering import fragment
from realtime.live.snapshot import Fragment, Row, Snapshot
from realtime.live.tokens import sign


@dataclass(frozen=True, slots=True)
class RenderedView:
    """What a template needs to paint a list or region for the first time."""

    token: str
    snapshot: Snapshot

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.snapshot.rows

    @property
    def count(self) -> str | None:
        return self.snapshot.count

    @property
    def parts(self) -> dict[str, Fragment]:
        return self.snapshot.parts

    @property
    def version(self) -> str:
        return self.snapshot.parts["body"].version

    @property
    def html(self) -> str:
        return self.snapshot.parts["body"].html


def live_view(name: str, raw: Mapping[str, Any]) -> RenderedView:
    """Renders a view for the first paint of a page."""
    definition = definition_named(name)
    params = definition.normalise(raw)
    return RenderedView(sign(name, params), definition.snapshot(params))


class Patience:
    """Paints the regions of one page while its time lasts. What isn't read by then comes over the socket.

    ``late`` is what stands there until then.
    """

    def __init__(self, seconds: float, late: Fragment | None = None) -> None:
        self._until = time.monotonic() + seconds
        self._late = late

    def live_view(self, name: str, raw: Mapping[str, Any]) -> RenderedView:
        [view] = self.live_views([(name, raw)])
        return view

    def live_views(self, wanted: Sequence[tuple[str, Mapping[str, Any]]]) -> list[RenderedView]:
        """Several that are read together: one that takes too long takes the time of those behind it."""
        named = [(definition := definition_named(name), definition.normalise(raw)) for name, raw in wanted]
        painted: list[Snapshot] = []
        left = self._until - time.monotonic()
        if left > 0 and named:
            # It took too long, or waits for a lock. A database that is away fails the page's next query, too.
            with suppress(OperationalError), time_limit(left):
                for definition, params in named:
                    if time.monotonic() > self._until:
                        break
                    painted.append(definition.snapshot(params))
        late = Snapshot(parts={"body": self._late or fragment("live/_late.html", {})})
        painted += [late] * (len(named) - len(painted))
        return [
            RenderedView(sign(definition.name, params), snapshot)
            for (definition, params), snapshot in zip(named, painted, strict=True)
        ]


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limits what each statement inside may take, in a transaction of its own. Raises ``OperationalError``."""
    limits = ("statement_timeout", "lock_timeout")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select " + ", ".join(f"current_setting('{name}')" for name in limits))
        before = cursor.fetchone()
        _limit(cursor, dict.fromkeys(limits, f"{max(1, round(seconds * 1000))}ms"))
        yield
        # A transaction around this one goes on without the limit.
        _limit(cursor, dict(zip(limits, before, strict=True)))


def _limit(cursor: Any, limits: Mapping[str, str]) -> None:
    for name, value in limits.items():
        cursor.execute("select set_config(%s, %s, true)", [name, value])
