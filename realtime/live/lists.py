"""Live lists: a page of rows of one kind, with its search, its choices and its count."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from unicodedata import category
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils.formats import number_format

from realtime.live.definition import Definition, Params, RowChange
from realtime.live.kind import Kind
from realtime.live.rendering import fragment, rows
from realtime.live.row_version import versioned
from realtime.live.snapshot import Snapshot

# Counting stops here: "10,000+" says enough, and a count stays cheap.
COUNT_LIMIT = 10_000


PAGE_LIMIT = 100_000


SEARCH_LIMIT = 200


WORDS_LIMIT = 8


class LiveList(Definition):
    """A page of rows of one kind; subclasses choose them in ``queryset`` and show them with ``<templates>/_row.html``.

    ``related`` declares which columns of other tables the rows show: a change there concerns the list too (rule 10).
    What a row shows from elsewhere belongs in ``row_state`` as well.
    """

    kind: ClassVar[Kind]
    page_size: ClassVar[int] = 50
    related: ClassVar[dict[str, frozenset[str]]] = {}
    # Parameters besides q and page, each with the values it takes; the first is the default and left out of addresses.
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}

    @property
    def name(self) -> str:
        return self.kind.plural

    @property
    def permission(self) -> str:
        return self.kind.permission("view")

    @property
    def tables(self) -> frozenset[str]:
        return frozenset({self.kind.table, *self.related})

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        """The parameters in a request's query; whatever is invalid falls back to its default."""
        params: Params = {"q": clean_text(raw.get("q", "")), "page": clean_page(raw.get("page", 1))}
        for name, values in self.choices.items():
            params[name] = raw[name] if raw.get(name) in values else values[0]
        return params

    @abstractmethod
    def queryset(self, params: Params) -> "QuerySet[Any]":
        """The rows of every page, in a total order."""

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        """What a row's look depends on besides the row itself: what it shows of related rows (rule 9)."""
        return ()

    def concerns(self, params: Params, table: str, changes: Iterable[RowChange]) -> bool:
        if table == self.kind.table:
            return True
        columns = self.related.get(table, frozenset())
        return any(change.op != "update" or columns.intersection(change.columns) for change in changes)

    def snapshot(self, params: Params) -> Snapshot:
        queryset = self.queryset(params)
        count = self.count(params)
        capped = count > COUNT_LIMIT
        pages = max(1, -(-min(count, COUNT_LIMIT) // self.page_size))
        page = min(params["page"], pages)
        first = (page - 1) * self.page_size
        objects = list(versioned(queryset)[first : first + self.page_size])
        count_text = self.count_text(count)
        pager = {
            "page": page,
            "pages": pages,
            "capped": capped,
            "first": first + 1 if objects else 0,
            "last": first + len(objects),
            "count_text": count_text,
            "has_previous": page > 1,
            "has_next": page < pages,
            "previous_query": self.query_string(params | {"page": page - 1}),
            "next_query": self.query_string(params | {"page": page + 1}),
        }
        template = f"{self.kind.templates}/_row.html"
        empty = {"kind": self.kind, "query": params["q"], "is_empty": not objects, "filtered": self.is_filtered(params)}
        return Snapshot(
            rows=tuple(rows.render(template, instance, self.row_state(instance)) for instance in objects),
            count=count_text,
            parts={
                "empty": fragment("live/_empty.html", empty),
                "pager": fragment("live/_pager.html", pager),
            },
        )

    def is_filtered(self, params: Params) -> bool:
        """Whether an empty list may be empty because of its search or choices."""
        return bool(params["q"]) or any(params[name] != values[0] for name, values in self.choices.items())

    def count(self, params: Params) -> int:
        """The rows of all pages, at most ``COUNT_LIMIT + 1``."""
        return self.queryset(params).order_by()[: COUNT_LIMIT + 1].count()

    @staticmethod
    def count_text(count: int) -> str:
        return f"{number_format(COUNT_LIMIT)}+" if count > COUNT_LIMIT else number_format(count)

    def query_string(self, params: Params) -> str:
        defaults = {"q": "", "page": 1} | {name: values[0] for name, values in self.choices.items()}
        told = {name: value for name, value in params.items() if value != defaults.get(name)}
        return "?" + urlencode(told)


def clean_text(value: Any) -> str:
    """Search text of bounded length, without what PostgreSQL refuses, and with white space as single blanks."""
    spaced = " ".join(str(value).split())
    return "".join(character for character in spaced if category(character) not in ("Cc", "Cs"))[:SEARCH_LIMIT]


def search_words(text: str) -> list[str]:
    """The words that must all occur; few enough that nobody makes a query with a hundred conditions."""
    return list(dict.fromkeys(text.split()))[:WORDS_LIMIT]


def clean_page(value: Any) -> int:
    try:
        return max(1, min(int(value), PAGE_LIMIT))
    except (TypeError, ValueError):
        return 1
