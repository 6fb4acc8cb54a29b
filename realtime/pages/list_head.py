"""What stands above a list's rows: its headings, the filters that it offers, and a chip for each that is on.

It depends on the address alone, so it isn't live: the rows, the count and the pager below it are.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest

from realtime.live.filters import ME, ChoiceFilter, KeyFilter
from realtime.live.first_paint import live_view
from realtime.live.kind import Kind
from realtime.live.lists import EVERYTHING, PLACES, Column, LiveList, values_of
from realtime.live.search import clean_text
from realtime.pages.choices import Found, found, note

Choices = list[tuple[str, str]]


class ListHead:
    """``<filter>-find`` in an address is a text that names a row for a filter by key.

    If only one row matches it, ``found_query`` is the address that names the row itself.
    """

    def __init__(self, listing: LiveList, request: HttpRequest, choices: Callable[[str], Choices]) -> None:
        self._listing = listing
        self._user = request.user
        self._raw = request.GET
        self._params = listing.normalise(request.GET)
        self._choices = choices
        self._texts: dict[str, str] = {}
        self._found: dict[str, Found] = {}
        for name, kind in self._chosen_kinds():
            if text := clean_text(request.GET.get(f"{name}-find", "")):
                self._texts[name] = text
                self._found[name] = found(kind, text)

    @property
    def found_query(self) -> str:
        """Empty when no text names just one row."""
        only = {name: row for name, told in self._found.items() if (row := told.only)}
        if not only:
            return ""
        changes: dict[str, Any] = {name: self._with(name, row) for name, row in only.items()}
        changes |= {f"{name}-find": text for name, text in self._texts.items() if name not in only}
        return self._listing.start(self._params, **changes)

    def context(self) -> dict[str, Any]:
        on = self._listing.all_filters.base_filters
        offered = {name: self._offered(name) for name in on}
        return {
            "query": self._params["q"],
            "all_query": EVERYTHING,
            "is_later_page": any(place in self._params for place in PLACES),
            "export_query": self._listing.start(self._params, size=None),
            "headings": [self._heading(column) for column in self._listing.columns],
            "chips": list(self._chips()),
            "controls": [*self._controls(offered), self._sorts()],
            "refused": list(self._refused()),
            "unclear": list(self._unclear()),
            "kept_beside_search": list(self._kept({*on, "sort", "size", "view"})),
            # Filters that the form has no control for stay as they are.
            "kept_beside_filters": list(self._kept({"size", "view", *(n for n in on if not offered[n])})),
        }

    def _heading(self, column: Column) -> dict[str, Any]:
        order = self._listing.order(self._params)
        told: dict[str, Any] = {
            "key": column.key,
            "label": column.label,
            "number": column.number,
            "query": "",
            "direction": "",
        }
        if not column.sort:
            return told
        descending = self._listing.sorts[column.sort].descending
        if column.sort == order.name:
            told["direction"] = "descending" if order.descending else "ascending"
            descending = not order.descending
        sort = f"-{column.sort}" if descending else column.sort
        told["query"] = self._listing.start(self._params, sort=None if sort == self._listing.default_sort else sort)
        return told

    def _sorts(self) -> dict[str, Any]:
        """Sorting from the filters' form: a narrow screen has no headings."""
        default, told = self._listing.default_sort, {column.sort: column.label for column in self._listing.columns}
        words = {name: told.get(name, name.capitalize()) for name in self._listing.sorts}
        sorts = [sign + name for name in self._listing.sorts for sign in ("", "-")]
        return {
            "name": "sort",
            "label": "Sort by",
            "template": "live/filters/_sort.html",
            "choices": [
                ("" if sort == default else sort, words[sort.removeprefix("-")], sort.startswith("-")) for sort in sorts
            ],
            "values": [self._params.get("sort", "")],
        }

    def _chips(self) -> Iterator[dict[str, Any]]:
        if self._params["q"]:
            yield {"label": "Search", "word": self._params["q"], "without": self._listing.start(self._params, q=None)}
        for name, filter_ in self._listing.all_filters.base_filters.items():
            for value in self._params.get(name, []):
                rest = [other for other in self._params[name] if other != value]
                chip = {"label": filter_.label, "without": self._listing.start(self._params, **{name: rest or None})}
                kind = getattr(filter_, "kind", None)
                if kind is None:
                    yield chip | {"word": filter_.word(value)}
                elif self._user.has_perm(kind.permission("view")):
                    yield chip | {"live": live_view(f"{kind.singular}-name", {"id": value})}
                else:
                    yield chip | {"word": f"one {kind.singular}"}

    def _controls(self, offered: dict[str, Choices | bool]) -> Iterator[dict[str, Any]]:
        for name, choices in offered.items():
            if choices:
                filter_ = self._listing.all_filters.base_filters[name]
                yield {
                    "name": name,
                    "label": filter_.label,
                    "template": filter_.control,
                    "choices": choices if isinstance(choices, list) else [],
                    "values": self._chosen(name),
                    "kind": self._kind(name),
                    "noun": getattr(filter_, "noun", ""),
                    "text": self._texts.get(name, ""),
                    "limit": filter_.limit,
                }

    def _chosen(self, name: str) -> list[str]:
        """A filter's values as its control offers them: the reader is "me"."""
        me = str(self._user.pk) if self._listing.all_filters.base_filters[name].people else ""
        return [ME if value == me else value for value in self._params.get(name, [])]

    def _offered(self, name: str) -> Choices | bool:
        """Whether the filter's form asks for it, and what there is to choose from."""
        filter_ = self._listing.all_filters.base_filters[name]
        if kind := self._kind(name):
            keys = self._params.get(name, [])
            names = {str(row.pk): str(row) for row in kind.model._default_manager.filter(pk__in=keys)}
            return [(key, names.get(key, f"a deleted {kind.singular}")) for key in keys] or True
        if isinstance(filter_, KeyFilter):
            offered = self._choices(name)
            known = dict(offered)
            return [*offered, *((v, filter_.word(v)) for v in self._chosen(name) if offered and v not in known)]
        if not isinstance(filter_, ChoiceFilter):
            return True
        known = dict(filter_.choices)
        return [*filter_.choices, *((v, filter_.word(v)) for v in self._chosen(name) if v not in known)]

    def _kind(self, name: str) -> Kind | None:
        """The kind of row that a filter by key chooses from, if this person may see them."""
        filter_ = self._listing.all_filters.base_filters[name]
        kind = filter_.kind if isinstance(filter_, KeyFilter) else None
        return kind if kind and kind.chosen_by and self._user.has_perm(kind.permission("view")) else None

    def _chosen_kinds(self) -> Iterator[tuple[str, Kind]]:
        for name in self._listing.all_filters.base_filters:
            if kind := self._kind(name):
                yield name, kind

    def _unclear(self) -> Iterator[dict[str, Any]]:
        """The texts that name no row, or several to choose from."""
        for name, kind in self._chosen_kinds():
            if told := self._found.get(name):
                rows = [
                    {"name": str(row), "note": note(kind, row), "query": self._query_with(name, row)}
                    for row in told.rows
                ]
                yield {"kind": kind, "text": self._texts[name], "complete": told.complete, "rows": rows}

    def _query_with(self, name: str, row: Any) -> str:
        others = {f"{other}-find": text for other, text in self._texts.items() if other != name}
        return self._listing.start(self._params, **{name: self._with(name, row)}, **others)

    def _with(self, name: str, row: Any) -> list[str]:
        return sorted({*self._params.get(name, []), str(row.pk)})

    def _refused(self) -> Iterator[dict[str, Any]]:
        for name, values in self._listing.refused(self._raw).items():
            filter_ = self._listing.all_filters.base_filters[name]
            valid = [word for _, word in filter_.choices] if isinstance(filter_, ChoiceFilter) else []
            for value in values:
                yield {"label": filter_.label, "value": value, "valid": valid}

    def _kept(self, names: set[str]) -> Iterator[tuple[str, str]]:
        for name, value in self._params.items():
            if name in names:
                yield from ((name, str(each)) for each in values_of({name: value}, name))
