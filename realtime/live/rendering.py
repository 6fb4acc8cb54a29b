"""Rendered rows and fragments, the same for the first paint, a push and catching up."""

from collections import OrderedDict
from secrets import token_hex
from sys import getsizeof
from threading import Lock
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from realtime.database.words import signature
from realtime.live.snapshot import Fragment, Row, version_of
from realtime.models import LiveModel
from realtime.sight import current_sight

_MARK = token_hex()


def fragment(template: str, context: dict[str, Any]) -> Fragment:
    html = _rendered(template, context)
    return Fragment(version_of(html), html)


class RowRenderer:
    """Renders rows, once per (template, row, version in the database, state, hidden columns): that is all that a row
    knows of its viewer (rule 8).

    Rows come from a queryset that is ``versioned``.
    """

    # HTML only; for the smallest rows, the keys take about as much again.
    LIMIT_BYTES = 16 * 2**20

    def __init__(self) -> None:
        self._lock = Lock()
        self._bytes = 0
        self._cache: OrderedDict[tuple[Any, ...], Row] = OrderedDict()

    def render(self, template: str, instance: Any, state: tuple[Any, ...], row_id: str = "") -> Row:
        """``row_id`` replaces the key as the row's id, where rows of several tables share a list."""
        row_id = row_id or str(instance.pk)
        sight = current_sight()
        hidden = sight.hidden if sight is not None else ()
        key = (template, row_id, instance.row_version, instance.revision, signature(), hidden, *state)
        row = self._cache.get(key)
        if row is None:
            row = _render_row(template, instance, row_id)
            self._keep(key, row)
        return row

    def _keep(self, key: tuple[Any, ...], row: Row) -> None:
        # Pages and the hub render on threads of their own, maybe the same row at the same time.
        with self._lock:
            if key not in self._cache:
                self._cache[key] = row
                self._bytes += getsizeof(row.html)
            while self._bytes > self.LIMIT_BYTES:
                self._bytes -= getsizeof(self._cache.popitem(last=False)[1].html)

    def forget(self) -> None:
        """For a restored dump, after which revisions may occur a second time with other contents."""
        with self._lock:
            self._cache.clear()
            self._bytes = 0


def _render_row(template: str, instance: LiveModel, row_id: str) -> Row:
    # Rendered once: where the version belongs, there is a mark that no row can contain by chance.
    html = _rendered(template, {"object": instance, "row_id": row_id, "version": _MARK})
    version = version_of(html.replace(_MARK, ""))
    return Row(row_id, version, SafeString(html.replace(_MARK, version)), instance.revision)


def _rendered(template: str, context: dict[str, Any]) -> SafeString:
    # Stripped, so that a patch inserts the same nodes that a page is painted with.
    return SafeString(render_to_string(template, context).strip())


rows = RowRenderer()
