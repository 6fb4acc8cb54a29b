"""Which columns of a list somebody sees, and in which order.

Rows are rendered once for all their readers (design rule 9), so a reader's choice is a style sheet: it hides a column's
heading and cells, and lays the others out as columns of a grid. The order in the document stays, the same for headings
and cells; browsers that know ``reading-flow`` read and tab in the order that is shown. What a style sheet says follows
from its address alone.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods, require_safe

from realtime.live.definition import definition_named
from realtime.live.kind import Kind
from realtime.live.lists import EVERYTHING, Column, LiveList
from realtime.models import ListPreference
from realtime.pages.access import may
from realtime.pages.saved_views import prefer, preference_of

# Below this width a row is a stack of lines, in the order of the document.
WIDE = "(min-width: 40.01rem)"


class Columns:
    """A list's columns as somebody has chosen them. The first one names the row: it stays where it is."""

    def __init__(self, listing: LiveList, order: Iterable[str] = (), hidden: Iterable[str] = ()) -> None:
        self._listing = listing
        known = {column.key: column for column in listing.seen_columns}
        main, *others = known
        moved = [key for key in dict.fromkeys(order) if key in others]
        # What was added to the list since comes last.
        self.order = [main, *moved, *(key for key in others if key not in moved)]
        self.hidden = [key for key in self.order if key in set(hidden) - {main}]
        self._known = known

    @classmethod
    def of(cls, listing: LiveList, preference: ListPreference) -> "Columns":
        return cls(listing, preference.columns, preference.hidden)

    @property
    def is_moved(self) -> bool:
        return self.order != list(self._known)

    @property
    def query(self) -> str:
        """The address of the style sheet, behind its path; empty for columns as they come."""
        told = {"order": self.order if self.is_moved else [], "hide": self.hidden}
        return urlencode({name: ",".join(keys) for name, keys in told.items() if keys})

    @property
    def choices(self) -> list[tuple[Column, bool]]:
        return [(self._known[key], key not in self.hidden) for key in self.order]

    def stylesheet(self) -> str:
        table = f".table--{self._listing.kind.plural}"
        rules = "".join(f'{table} [data-column="{key}"] {{ display: none; }}\n' for key in self.hidden)
        sheet = f"@layer utilities {{\n{rules}}}\n" if rules else ""
        if not self.is_moved:
            return sheet
        shown = [key for key in self.order if key not in self.hidden]
        # What a row can be done with comes last, where there is such a cell.
        tracks = " ".join((*(f"var(--column-{key}, minmax(0, 1fr))" for key in shown), "var(--column-tools, 0)"))
        places = "".join(
            f'{table} [data-column="{key}"] {{ grid-area: 1 / {place}; }}\n' for place, key in enumerate(shown, 1)
        )
        grid = (
            f"{table} {{ display: grid; grid-template-columns: {tracks}; }}\n"
            f"{table} :is(thead, tbody, tr) {{ display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; }}\n"
            f"{table} tr {{ reading-flow: grid-columns; }}\n"
            f"{table} th {{ align-content: center; }}\n{table} .row-tools {{ grid-area: 1 / -2; }}\n{places}"
        )
        return f"{sheet}@layer components {{ @media {WIDE} {{\n{grid}}} }}\n"

    def moved(self, key: str, steps: int) -> "Columns":
        """The same with one column further up or down; the first stays first."""
        others = self.order[1:]
        if key in others:
            at = others.index(key)
            others.insert(max(0, at + steps), others.pop(at))
        return Columns(self._listing, others, self.hidden)


def column_menu(request: HttpRequest, listing: LiveList, preference: ListPreference) -> dict[str, Any]:
    """The context of a list's menu of columns."""
    columns, kind = Columns.of(listing, preference), listing.kind
    sheet = reverse(f"{kind.app}:{kind.singular}-columns-css")
    return {
        "action": reverse(f"{kind.app}:{kind.singular}-columns"),
        "choices": columns.choices,
        "stylesheet": f"{sheet}?{columns.query}" if columns.query else "",
        "back": request.META["QUERY_STRING"],
    }


class ColumnPages:
    """The form that chooses columns, and the style sheet that shows them so."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def urls(self) -> list[URLPattern]:
        base, name = self.kind.plural, self.kind.singular
        seeing = may(self.kind.permission("view"))
        choose = require_http_methods(["GET", "HEAD", "POST"])(seeing(self.choose))
        return [
            path(f"{base}/columns/", choose, name=f"{name}-columns"),
            path(f"{base}/columns.css", require_safe(seeing(self.stylesheet)), name=f"{name}-columns-css"),
        ]

    def choose(self, request: HttpRequest) -> HttpResponse:
        listing = self._list
        if request.method != "POST":
            menu = column_menu(request, listing, preference_of(request.user, listing))
            menu["back"] = request.GET.get("back", "")
            return self._page(request, menu)
        if "reset" in request.POST:
            return self._chosen(request, Columns(listing))
        known = {column.key: column.label for column in listing.seen_columns}
        order = request.POST.getlist("order")
        moves = [*request.POST.getlist("up"), *request.POST.getlist("down")]
        if unknown := [key for key in (*order, *moves) if key not in known]:
            offered = ", ".join(known.values())
            messages.error(
                request, f"“{unknown[0][:40]}” is no column of {self.kind.plural}. The columns are {offered}."
            )
            return self._page(request, column_menu(request, listing, preference_of(request.user, listing)), 400)
        columns = Columns(listing, order, [key for key in known if f"show-{key}" not in request.POST])
        for key in request.POST.getlist("up"):
            columns = columns.moved(key, -1)
        for key in request.POST.getlist("down"):
            columns = columns.moved(key, 1)
        return self._chosen(request, columns, stays=bool(moves))

    def _chosen(self, request: HttpRequest, columns: Columns, stays: bool = False) -> HttpResponse:
        """``stays`` on the form's own page: without a script, a column moves one step at a time."""
        prefer(request.user, self._list, columns=columns.order, hidden=columns.hidden)
        back = QueryDict(request.POST.get("back", "")).urlencode()
        if stays:
            address = reverse(f"{self.kind.app}:{self.kind.singular}-columns")
            return redirect(f"{address}?{urlencode({'back': back})}")
        return redirect(reverse(self.kind.list_name) + (f"?{back}" if back else EVERYTHING))

    def stylesheet(self, request: HttpRequest) -> HttpResponse:
        listing = self._list
        order, hidden = (request.GET.get(name, "").split(",") for name in ("order", "hide"))
        response = HttpResponse(Columns(listing, order, hidden).stylesheet(), content_type="text/css")
        response.headers["Cache-Control"] = "private, max-age=86400"
        return response

    def _page(self, request: HttpRequest, menu: dict[str, Any], status: int = 200) -> HttpResponse:
        return render(request, "live/columns.html", {"kind": self.kind, "columns": menu}, status=status)

    @property
    def _list(self) -> LiveList:
        listing = definition_named(self.kind.plural)
        assert isinstance(listing, LiveList)
        return listing
