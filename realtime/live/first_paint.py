"""How a page paints a list or region for the first time, before its socket is open."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from realtime.live.definition import definition_named
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
