"""Live lists: a page of rows of one kind, with its search, its filters, its order and its count."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.text import slugify

from realtime.database.words import signature
from realtime.live.accounts import ROWS_LIMIT, UPDATES, Account, accounts_of, told_by
from realtime.live.app_filters import with_app_filters
from realtime.live.counts import ListCount
from realtime.live.definition import Concern, Definition, Params, QuickReread
from realtime.live.field_changes import worded
from realtime.live.filters import ME, Filters, ListFilter
from realtime.live.kind import Kind
from realtime.live.known_rows import KnownRows
from realtime.live.membership import Question, question
from realtime.live.rendering import fragment, rows
from realtime.live.row_version import versioned
from realtime.live.search import clean_text, found_first, matching
from realtime.live.snapshot import Row, Snapshot, Window
from realtime.live.sorting import Order, Sort, by_time
from realtime.live.zones import current_zone, in_zone, known_zone
from realtime.sight import hidden_columns

# Counting stops here: "10,000+" says enough, and a count stays cheap.
COUNT_LIMIT = 10_000

# A search that finds no more than this is read by what it finds, instead of in the order of the list.
FEW_FOUND = 3_000

PAGE_SIZES = (25, 50, 100, 200)

# Where a page begins or ends; at most one of these is in an address.
PLACES = ("after", "before", "last")

# What an address carries that neither decides who is in the list nor how it looks: the page, and the saved view that
# was opened. An address without anything else leaves the rest to that view, or to the reader's default; ``all`` says
# that nothing else is meant.
BESIDE = (*PLACES, "view")
EVERYTHING = "?all=1"


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading; ``sort`` is the name of the order that a click on it brings."""

    label: str
    sort: str = ""
    number: bool = False

    @property
    def key(self) -> str:
        """Its name in ``data-column``, on its heading and its cells, and in what people choose to see."""
        return slugify(self.label)


@dataclass(frozen=True, slots=True)
class Related:
    """What rows show of another table: its ``columns`` (None: any), and how its rows belong to theirs.

    Either a row's own column points to the other's key (``by``), or the other's column points to the row (``back``).
    Without one, any change of these columns concerns every list.
    """

    columns: frozenset[str] | None
    by: str = ""
    back: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Any]
    has_previous: bool
    has_next: bool
    window: Window


class LiveList(Definition):
    """A page of rows of one kind, each shown by ``<templates>/_row.html``.

    ``related`` declares which columns of other tables the rows show: a change there concerns the list too (rule 10).
    What a row shows from elsewhere belongs in ``row_state`` as well.
    """

    kind: ClassVar[Kind]
    page_size: ClassVar[int] = 50
    related: ClassVar[Mapping[str, Related]] = {}
    # Its own columns, or ``relation__column``.
    searched: ClassVar[tuple[str, ...]] = ()
    filters: ClassVar[type[Filters]] = Filters
    # By the name that addresses use.
    sorts: ClassVar[Mapping[str, Sort]] = {"created": by_time("created_at")}
    default_sort: ClassVar[str] = "-created"
    columns: ClassVar[tuple[Column, ...]] = ()
    # What an export has of each row: by heading, the path that leads there.
    exported: ClassVar[Mapping[str, str]] = {}
    # Columns that decide who is in the list whatever the reader asks for.
    deciding: ClassVar[frozenset[str]] = frozenset()
    # Where a list begins that is read from its end, as a conversation is.
    starts_at_end: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return self.kind.plural

    @property
    def permission(self) -> str:
        return self.kind.permission("view")

    @property
    def own_table(self) -> str:  # type: ignore[override]
        return self.kind.table

    @property
    def tables(self) -> frozenset[str]:
        return frozenset({self.kind.table, *self.related})

    @property
    def companions(self) -> tuple[Definition, ...]:  # type: ignore[override]
        return (ListCount(self),)

    @property
    def all_filters(self) -> type[Filters]:
        """Those that addresses know: its own, and those by what only the app has in an adopted table."""
        return with_app_filters(self.filters, self.kind.model)

    # What of it its reader may see

    @property
    def seen_columns(self) -> tuple[Column, ...]:
        """A column's order reads what its cells show."""
        seen = self.seen_sorts
        return tuple(column for column in self.columns if not column.sort or column.sort in seen)

    @property
    def seen_sorts(self) -> Mapping[str, Sort]:
        hidden = hidden_columns(self.kind.table)
        return {name: sort for name, sort in self.sorts.items() if hidden.isdisjoint(sort.columns)}

    @property
    def seen_filters(self) -> Mapping[str, ListFilter]:
        return self.all_filters.seen(hidden_columns(self.kind.table))

    @property
    def seen_exported(self) -> Mapping[str, str]:
        hidden = hidden_columns(self.kind.table)
        return {heading: path for heading, path in self.exported.items() if path not in hidden}

    # Its parameters

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        """The parameters in a request's query; whatever is invalid falls back to its default, which is left out."""
        params: Params = {"q": clean_text(first(raw, "q"))}
        params |= self._read_filters(raw)[0]
        if self.all_filters.has_days(params):
            params["tz"] = known_zone(first(raw, "tz") or current_zone())
        order = self._order_named(first(raw, "sort"))
        if order.text != self.default_sort:
            params["sort"] = order.text
        size = first(raw, "size")
        if size in map(str, PAGE_SIZES) and int(size) != self.page_size:
            params["size"] = int(size)
        if view := _key(first(raw, "view")):
            params["view"] = view
        return params | self.place(raw, order)

    def refused(self, raw: Mapping[str, Any]) -> dict[str, list[str]]:
        """The values of a request's query that a filter doesn't take, by the filter's name."""
        return self._read_filters(raw)[1]

    def _read_filters(self, raw: Mapping[str, Any]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        return self.all_filters.read(lambda name: values_of(raw, name), self.seen_filters)

    def _order_named(self, text: str) -> Order:
        name = text.removeprefix("-")
        seen = self.seen_sorts
        if name not in seen:
            text, name = self.default_sort, self.default_sort.removeprefix("-")
        return Order(name, seen[name], text.startswith("-"))

    def place(self, raw: Mapping[str, Any], order: Order) -> Params:
        """The page that a request's query asks for; none when it is the first, or no page of this order."""
        for name in PLACES:
            text = first(raw, name)
            if name == "last" and text:
                return {} if self.starts_at_end else {"last": "1"}
            if name != "last" and text:
                try:
                    return {name: order.read_key(text).text}
                except ValueError:
                    return {}
        return {}

    def order(self, params: Params) -> Order:
        return self._order_named(params.get("sort", self.default_sort))

    def is_filtered(self, params: Params) -> bool:
        """Whether an empty list may be empty because of its search or filters."""
        return bool(params.get("q")) or any(name in params for name in self.all_filters.base_filters)

    def query_string(self, params: Params) -> str:
        told = {name: value for name, value in params.items() if name != "tz" and value not in ("", [])}
        says_nothing = told.keys() <= set(BESIDE) and ("view" in told or not told)
        return "?" + urlencode(told | ({"all": "1"} if says_nothing else {}), doseq=True)

    def start(self, params: Params, **changes: Any) -> str:
        """The address of the first page with some parameters changed; None takes one away."""
        kept = {name: value for name, value in params.items() if name not in PLACES}
        return self.query_string({name: value for name, value in (kept | changes).items() if value is not None})

    def membership(self, params: Params) -> Params:
        """The parameters that decide who is in the list."""
        return {name: value for name, value in params.items() if name not in (*BESIDE, "sort", "size")}

    def for_reader(self, raw: QueryDict, reader: Any) -> QueryDict:
        """ "me" becomes a person, before parameters are signed and shared (design rule 8)."""
        told = raw.copy()
        for name in self.all_filters.personal() & raw.keys():
            told.setlist(name, [str(reader) if value == ME else value for value in raw.getlist(name)])
        return told

    def kept_query(self, params: Params, reader: Any) -> str:
        """What a saved view keeps of an address: all but the page, and the reader as "me" again."""
        told = {n: v for n, v in params.items() if n not in (*BESIDE, "tz") and v not in ("", [])}
        for name in self.all_filters.personal() & told.keys():
            told[name] = sorted(ME if value == str(reader) else value for value in told[name])
        return urlencode(told, doseq=True)

    # Its rows

    def rows(self) -> "QuerySet[Any]":
        """All rows that the list may ever show."""
        return self.kind.model._default_manager.order_by()

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """Adds what a row shows of related rows."""
        return queryset

    def members(self, params: Params, by_row: bool = False) -> "QuerySet[Any]":
        """The rows of every page, in no order. ``by_row`` is for asking about a few known rows."""
        return self.all_filters.apply(matching(self.rows(), params.get("q", ""), self.searched, by_row), params)

    def queryset(self, params: Params) -> "QuerySet[Any]":
        """The rows of every page in their order, with all that they show."""
        with in_zone(params.get("tz", "")):
            return self.order(params).apply(self.described(self.members(params)))

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        """What a row's look depends on besides the row itself: what it shows of related rows (rule 9)."""
        return ()

    def in_words(self, column: str, value: Any) -> Any:
        """What people call the value of a column of its rows."""
        return worded(self.kind.model._meta.get_field(column), value)  # type: ignore[arg-type]

    def accounts(self, revisions: Mapping[str, int]) -> Mapping[str, Account]:
        return accounts_of(self.kind, revisions, self.in_words)

    # What it shows

    def snapshot(self, params: Params) -> Snapshot:
        return self._read(params)

    def reread(self, params: Params, before: Snapshot, touched: Collection[tuple[str, str]]) -> Snapshot:
        has_turned = before.turns_at is not None and before.turns_at <= timezone.now()
        # Lists that say more than their rows leave the count out, and are read whole.
        if before.counted is None or has_turned:
            return self.snapshot(params)
        keys = {key for table, key in touched if table == self.kind.table}
        if len(keys) < len(touched):
            return self._read(params, before.counted)
        with in_zone(params.get("tz", "")):
            found = list(self._by_key(params, keys))
        # One may have left by a change that the hub hasn't heard of yet.
        if len(found) < len(keys):
            return self.snapshot(params)
        new = {row.id: row for row in self.render(found)}
        shown = tuple(new.get(row.id, row) for row in before.rows)
        return replace(before, rows=shown, keys=before.keys | self.keys_of(found))

    def quick_reread(
        self, params: Params, before: Snapshot, touched: Collection[tuple[str, str]], memo: dict[Any, Any]
    ) -> QuickReread | None:
        # A query that depends on the clock can't be kept.
        if before.counted is None or before.turns_at is not None or len(touched) > ROWS_LIMIT:
            return None
        keys = [key for table, key in touched if table == self.kind.table]
        if not keys or len(keys) < len(touched):
            return None
        place = signature(), len(keys)
        if place not in memo:
            memo.clear()
            try:
                with in_zone(params.get("tz", "")):
                    memo[place] = KnownRows(partial(self._by_key, params), keys)
            except (ValueError, EmptyResultSet):
                memo[place] = None
        known = memo[place]
        if known is None:
            return None
        revisions = {row.id: row.revision for row in before.rows}
        log = f"{UPDATES} and revision <> all(%s)"
        table = connection.ops.quote_name(self.kind.table)
        key = connection.ops.quote_name(str(self.kind.model._meta.pk.column))
        newest = f"array(select revision from {table} where {key}::text = any(%s))"

        def understand(results: list[list[Any]]) -> tuple[Snapshot, Mapping[str, Account]] | None:
            found = known.instances(results[0])
            if len(found) < len(keys):
                return None
            new = {row.id: row for row in self.render(found)}
            shown = tuple(new.get(row.id, row) for row in before.rows)
            accounts = told_by(self.kind, results[1], self.in_words)
            return replace(before, rows=shown, keys=before.keys | self.keys_of(found)), accounts

        return QuickReread(
            f"{known.sql}; {log.replace('any(%s)', f'any({newest})', 1)}",
            [*known.values(keys), self.kind.table, keys, [revisions.get(key, 0) for key in keys]],
            2,
            understand,
        )

    def _by_key(self, params: Params, keys: Collection[str]) -> "QuerySet[Any]":
        return versioned(self.described(self.members(params, by_row=True).filter(pk__in=keys)))

    def _read(self, params: Params, counted: int | None = None) -> Snapshot:
        with in_zone(params.get("tz", "")):
            # First: should the day end meanwhile, the list has turned already and is read again.
            turns_at = self.all_filters.turns_at(params, timezone.now())
            count = self.count(params) if counted is None else counted
            page = self.read_page(params, count)
        return Snapshot(
            rows=self.render(page.rows),
            count=self.count_text(count),
            parts={
                "empty": fragment("live/_empty.html", self._empty(params, page)),
                "pager": fragment("live/_pager.html", self._pager(params, page, count)),
            },
            keys=self.keys_of(page.rows),
            window=page.window,
            counts=self.is_exact(count),
            counted=count,
            turns_at=turns_at,
        )

    def render(self, instances: Iterable[Any], template: str = "") -> tuple[Row, ...]:
        template = template or f"{self.kind.templates}/_row.html"
        return tuple(rows.render(template, instance, self.row_state(instance)) for instance in instances)

    def read_page(self, params: Params, count: int | None = None) -> Page:
        """The rows of the page that the parameters name, and one further row on either side that says if more come.

        ``count``, if it is known, decides how they are looked for.
        """
        order, size, members = self.order(params), params.get("size", self.page_size), self.members(params)
        if params.get("q") and count is not None and count <= FEW_FOUND:
            members = found_first(members)
        queryset = versioned(self.described(members))
        if "after" in params:
            key = order.read_key(params["after"])
            found = list(order.apply(queryset.filter(order.behind(key)))[: size + 1])
            return _page(order, found, size, Window(first=key), has_previous=True)
        end = order.read_key(params["before"]) if "before" in params else None
        if end or "last" in params or self.starts_at_end:
            ending = queryset.filter(order.before(end)) if end else queryset
            found = list(order.apply(ending, backwards=True)[: size + 1])
            if len(found) > size:
                window = Window(first=order.key_of(found[size]), last=end)
                return Page(found[size - 1 :: -1], has_previous=True, has_next=end is not None, window=window)
            if end is None:
                return Page(found[::-1], has_previous=False, has_next=False, window=Window())
            # Fewer rows than a page holds come before it: that is the first page.
        return _page(order, list(order.apply(queryset)[: size + 1]), size, Window(), has_previous=False)

    def count(self, params: Params) -> int:
        """The rows of all pages, at most ``COUNT_LIMIT + 1``."""
        return self.members(params).order_by()[: COUNT_LIMIT + 1].count()

    @staticmethod
    def is_exact(count: int) -> bool:
        return count <= COUNT_LIMIT

    @staticmethod
    def count_text(count: int) -> str:
        return f"{COUNT_LIMIT:,}+" if count > COUNT_LIMIT else f"{count:,}"

    def steps(self, params: Params, page: Page) -> dict[str, Any]:
        """The addresses of the pages beside this one."""
        order = self.order(params)
        ends = [order.key_of(row).text for row in (*page.rows[:1], *page.rows[-1:])]
        # Nothing is left on a page whose rows have gone; its place in the order is still known.
        before, after = ends or (params.get("after"), params.get("after"))
        return {
            "has_previous": page.has_previous,
            "has_next": page.has_next,
            "first_query": self.start(params),
            "previous_query": self.start(params, before=before),
            "next_query": self.start(params, after=after),
            "last_query": self.start(params, last="1"),
        }

    def _pager(self, params: Params, page: Page, count: int) -> dict[str, Any]:
        return self.steps(params, page) | {
            "shown": len(page.rows),
            "count_text": self.count_text(count),
            "size": params.get("size", self.page_size),
            "sizes": [
                {"size": size, "query": self.start(params, size=None if size == self.page_size else size)}
                for size in PAGE_SIZES
            ],
        }

    def _empty(self, params: Params, page: Page) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "query": params.get("q", ""),
            "is_empty": not page.rows,
            "filtered": self.is_filtered(params),
            "beyond": not page.rows and page.has_previous,
            "first_query": self.start(params),
            "all_query": EVERYTHING,
        }

    # What concerns it

    def keys_of(self, instances: Iterable[Any]) -> frozenset[tuple[str, str]]:
        """The rows that it shows, and those of other tables that they point to."""
        keys = {(self.kind.table, str(instance.pk)) for instance in instances}
        for table, related in self.related.items():
            if related.by:
                keys |= {(table, str(key)) for instance in instances if (key := getattr(instance, related.by))}
        return frozenset(keys)

    def deciding_columns(self, params: Params) -> frozenset[str]:
        """The columns of its own table that decide who is in the list."""
        searched = self.searched if params.get("q") else ()
        own = {f"{column.split('__')[0]}_id" if "__" in column else column for column in searched}
        return frozenset(own) | self.deciding | self.all_filters.columns(params)

    def searched_columns(self, params: Params, table: str) -> frozenset[str]:
        """The columns of a related table by which a search finds rows."""
        searched = self.searched if params.get("q") else ()
        return frozenset(column.split("__")[1] for column in searched if self._leads_to(column, table))

    @staticmethod
    def deciding_concern(own: frozenset[str], shown: frozenset[str] | None = None) -> Concern:
        # Every update moves this column, and the log doesn't list it among the changed ones.
        return Concern(None if "updated_at" in own else own, shown=shown, asks=True)

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        own = self.deciding_columns(params) | set(self.order(params).sort.columns)
        concerns = {self.kind.table: self.deciding_concern(own)}
        for table, related in self.related.items():
            if related.back:
                concerns[table] = Concern(frozenset(), coming=False, shown=related.columns, back=related.back)
            elif related.by:
                found = self.searched_columns(params, table)
                # A search finds rows by it. Keys are checked late: what comes may have been pointed to before.
                concerns[table] = Concern(found, coming=bool(found), shown=related.columns)
            else:
                concerns[table] = Concern(related.columns)
        return concerns

    def _leads_to(self, column: str, table: str) -> bool:
        relation, _, remote = column.partition("__")
        if not remote:
            return False
        return bool(self.kind.model._meta.get_field(relation).related_model._meta.db_table == table)  # type: ignore[union-attr]

    def question(self, params: Params, snapshot: Snapshot, table: str) -> Question | None:
        with in_zone(params.get("tz", "")):
            try:
                return question(self.members(params, by_row=True), self._inside(params, snapshot.window))
            except EmptyResultSet:
                return None

    def _inside(self, params: Params, window: Window) -> Any:
        order, told = self.order(params), Q()
        if window.first is not None:
            told &= Q(order.behind(window.first, or_at=True))
        if window.last is not None:
            told &= Q(order.before(window.last, or_at=True))
        # Where the page has no end, every row of the list is within it.
        return ExpressionWrapper(told or ~Q(pk=None), BooleanField())


def _page(order: Order, found: list[Any], size: int, window: Window, has_previous: bool) -> Page:
    """A page from its first row on, of ``size`` rows and the one after them."""
    more = len(found) > size
    reach = Window(window.first, order.key_of(found[size]) if more else None)
    return Page(found[:size], has_previous, more, reach)


def values_of(raw: Mapping[str, Any], name: str) -> list[Any]:
    """All values of a parameter, from a request's query or from a token."""
    if hasattr(raw, "getlist"):
        return list(raw.getlist(name))
    value = raw.get(name, [])
    return value if isinstance(value, list) else [value]


def _key(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def first(raw: Mapping[str, Any], name: str) -> str:
    return next((str(value) for value in values_of(raw, name)), "")
