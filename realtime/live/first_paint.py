"""How a page paints a list or region for the first time, before its socket is open."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction

from realtime.live.definition import definition_named
from realtime.live.snapshot import Fragment, Row, Snapshot
from realtime.live.tokens import sign

logger = logging.getLogger(__name__)

# What a page shows beside what it is about may take this long altogether.
BUDGET_SECONDS = 0.3
# Nothing yet: the page's socket brings it.
UNPAINTED = Snapshot(parts={"body": Fragment("", "")})


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


def live_views_in_time(wanted: Sequence[tuple[str, Mapping[str, Any]]]) -> list[RenderedView]:
    """Regions that mustn't hold up their page: those that can't be read soon are painted empty.

    A locked table, or a search that takes long, would otherwise delay every page that has it in a corner.
    """
    named = [(definition := definition_named(name), definition.normalise(raw)) for name, raw in wanted]
    painted: list[Snapshot] = []
    began = time.monotonic()
    try:
        with transaction.atomic():
            if named:
                _be_quick()
            for definition, params in named:
                if time.monotonic() - began > BUDGET_SECONDS:
                    break
                painted.append(definition.snapshot(params))
            # Nothing was written, and this puts the limits back as they were.
            transaction.set_rollback(True)
    except OperationalError as error:
        logger.info("regions are painted empty: %s", type(error.__cause__).__name__)
    unpainted = [UNPAINTED] * (len(named) - len(painted))
    return [
        RenderedView(sign(definition.name, params), snapshot)
        for (definition, params), snapshot in zip(named, [*painted, *unpainted], strict=True)
    ]


def _be_quick() -> None:
    with connection.cursor() as cursor:
        for name in ("lock_timeout", "statement_timeout"):
            cursor.execute("select set_config(%s, %s, true)", [name, f"{int(BUDGET_SECONDS * 1000)}ms"])
