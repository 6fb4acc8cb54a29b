"""Live lists and regions: named definitions that apps register, and what they show.

A definition with parameters is rendered the same way for the first paint, for a push and for catching up, so that a
live page equals its reload. The page carries a signed token of (name, parameters); the token grants nothing, the
socket's session does (design rule 8).
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from sys import getsizeof
from threading import Lock
from typing import Any, ClassVar, TypeVar
from unicodedata import category
from urllib.parse import urlencode
from uuid import UUID

from django.core.signing import Signer
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils.formats import number_format
from django.utils.safestring import SafeString

from realtime.field_changes import changes_since
from realtime.kind import Kind
from realtime.models import LiveModel
from realtime.row_version import versioned
from realtime.snapshot import Fragment, Row, Snapshot, version_of

# Counting stops there: "10,000+" says enough, and a count stays cheap.
COUNT_LIMIT = 10_000
PAGE_LIMIT = 100_000
SEARCH_LIMIT = 200
WORDS_LIMIT = 8

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowChange:
    """What the hub is told of one change."""

    revision: int
    op: str
    key: str
    columns: tuple[str, ...]
    actor: str


class UnknownDefinition(LookupError):
    """A token names a list that this version of the portal doesn't have."""


class Definition(ABC):
    """What the hub knows of a list or region: a name, the right to see it, and what it shows for its parameters."""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def permission(self) -> str: ...

    @property
    @abstractmethod
    def tables(self) -> frozenset[str]:
        """Whose changes can concern it."""

    @abstractmethod
    def normalise(self, raw: Mapping[str, Any]) -> Params:
        """The canonical parameters; raises KeyError or ValueError where there is no default to fall to."""

    @abstractmethod
    def concerns(self, params: Params, table: str, changes: Iterable[RowChange]) -> bool:
        """Whether these changes of ``table`` can alter what is shown; True when in doubt."""

    @abstractmethod
    def snapshot(self, params: Params) -> Snapshot:
        """Reads and renders what is to be seen now."""


class LiveList(Definition):
    """A page of rows of one kind; subclasses say which by ``queryset``, and show them by ``<templates>/_row.html``.

    ``related`` declares which columns of other tables the rows show: a change there concerns the list too (rule 10).
    What a row shows from elsewhere belongs into ``row_state`` as well.
    """

    kind: ClassVar[Kind]
    page_size: ClassVar[int] = 50
    related: ClassVar[dict[str, frozenset[str]]] = {}
    # Parameters besides q and page, each with the values it takes; the first is the default and not in addresses.
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
        """Of a request's query; whatever can't be understood falls to its default."""
        params: Params = {"q": clean_text(raw.get("q", "")), "page": clean_page(raw.get("page", 1))}
        for name, values in self.choices.items():
            params[name] = raw[name] if raw.get(name) in values else values[0]
        return params

    @abstractmethod
    def queryset(self, params: Params) -> "QuerySet[Any]":
        """The rows of every page, in a total order."""

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        """What a row's look depends on besides the row itself: what is shown of its relatives (rule 9)."""
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
        """Whether an empty list may be empty because of what was asked for."""
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


class LiveRegion(Definition):
    """A block of a page that is rendered whole: a detail, a dashboard block, a notice."""

    name: ClassVar[str]
    permission: ClassVar[str]
    tables: ClassVar[frozenset[str]]
    template: ClassVar[str]

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {}

    def concerns(self, params: Params, table: str, changes: Iterable[RowChange]) -> bool:
        return True

    @abstractmethod
    def context(self, params: Params) -> dict[str, Any]:
        """What the template gets."""

    def snapshot(self, params: Params) -> Snapshot:
        return Snapshot(parts={"body": fragment(self.template, self.context(params))})


class RowRegion(LiveRegion):
    """A region about one row of a kind. ``related`` as in lists: rows of other tables that it shows something of."""

    kind: ClassVar[Kind]
    related: ClassVar[dict[str, frozenset[str]]] = {}
    suffix: ClassVar[str] = ""
    verb: ClassVar[str] = "view"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            cls.name = cls.kind.singular + cls.suffix
            cls.permission = cls.kind.permission(cls.verb)
            cls.tables = frozenset({cls.kind.table, *cls.related})

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"id": str(UUID(str(raw["id"])))}

    def concerns(self, params: Params, table: str, changes: Iterable[RowChange]) -> bool:
        if table != self.kind.table:
            columns = self.related[table]
            return any(change.op != "update" or columns.intersection(change.columns) for change in changes)
        return any(change.key == params["id"] for change in changes)

    def queryset(self) -> "QuerySet[Any]":
        """Where the row is taken from; override to load what the template shows of its relatives."""
        return self.kind.model._default_manager.all()

    def context(self, params: Params) -> dict[str, Any]:
        return {"kind": self.kind, "object": self.queryset().filter(pk=params["id"]).first()}


class DetailRegion(RowRegion):
    """The body of a kind's detail page: ``<templates>/_detail.html``, or that the row is gone."""

    template = "live/_detail.html"

    def context(self, params: Params) -> dict[str, Any]:
        return super().context(params) | {"detail_template": f"{self.kind.templates}/_detail.html"}


class EditingRegion(RowRegion):
    """Beside an edit form: what others changed since it was opened. The form itself is never touched."""

    template = "live/_editing.html"
    suffix = "-editing"
    verb = "change"

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return super().normalise(raw) | {"revision": int(raw["revision"])}

    def context(self, params: Params) -> dict[str, Any]:
        context = super().context(params)
        instance = context["object"]
        return context | {"changes": changes_since(instance, params["revision"]) if instance else []}


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


_definitions: dict[str, Definition] = {}
_signer = Signer(salt="realtime.live")


D = TypeVar("D", bound=type[Definition])


def register(definition: D) -> D:
    """Class decorator: makes a list or region known under its name. Raises ValueError when the name is taken."""
    instance = definition()
    if instance.name in _definitions:
        raise ValueError(f"live view '{instance.name}' is registered twice")
    _definitions[instance.name] = instance
    return definition


def definition_named(name: str) -> Definition:
    try:
        return _definitions[name]
    except KeyError:
        raise UnknownDefinition(f"unknown list '{name}'") from None


def live_view(name: str, raw: Mapping[str, Any]) -> RenderedView:
    """Renders a view for the first paint of a page."""
    definition = definition_named(name)
    params = definition.normalise(raw)
    return RenderedView(sign(name, params), definition.snapshot(params))


def sign(name: str, params: Params) -> str:
    return _signer.sign_object({"n": name, "p": params})


def read_token(token: str) -> tuple[Definition, Params]:
    """Raises ``BadSignature`` for a token that isn't ours, ``UnknownDefinition`` for one of another version."""
    payload = _signer.unsign_object(token)
    definition = definition_named(payload["n"])
    try:
        return definition, definition.normalise(payload["p"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise UnknownDefinition(f"list '{payload['n']}' takes other parameters now") from None


def view_key(definition: Definition, params: Params) -> str:
    canonical = json.dumps([definition.name, params], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=12).hexdigest()


def clean_text(value: Any) -> str:
    """Search text without what PostgreSQL refuses, any white space as one blank, of bounded length."""
    spaced = " ".join(str(value).split())
    return "".join(character for character in spaced if category(character) not in ("Cc", "Cs"))[:SEARCH_LIMIT]


def search_words(text: str) -> list[str]:
    """The words that all have to be somewhere; few enough that nobody makes a query of a hundred conditions."""
    return list(dict.fromkeys(text.split()))[:WORDS_LIMIT]


def clean_page(value: Any) -> int:
    try:
        return max(1, min(int(value), PAGE_LIMIT))
    except (TypeError, ValueError):
        return 1


def fragment(template: str, context: dict[str, Any]) -> Fragment:
    html = _rendered(template, context)
    return Fragment(version_of(html), html)


class RowRenderer:
    """Renders rows, once per (template, row, version in the database, state): a row doesn't know its viewer (rule 8).

    Rows come from a queryset that is ``versioned``.
    """

    # Of HTML; what it is kept under comes to about as much again for the smallest of rows.
    LIMIT_BYTES = 16 * 2**20

    def __init__(self) -> None:
        self._lock = Lock()
        self._bytes = 0
        self._cache: OrderedDict[tuple[Any, ...], Row] = OrderedDict()

    def render(self, template: str, instance: Any, state: tuple[Any, ...]) -> Row:
        key = (template, str(instance.pk), instance.row_version, instance.revision, *state)
        row = self._cache.get(key)
        if row is None:
            row = _render_row(template, instance)
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
        """After a restored dump revisions may come a second time, with other contents."""
        with self._lock:
            self._cache.clear()
            self._bytes = 0


def _render_row(template: str, instance: LiveModel) -> Row:
    version = version_of(_rendered(template, {"object": instance, "version": ""}))
    html = _rendered(template, {"object": instance, "version": version})
    return Row(str(instance.pk), version, html)


def _rendered(template: str, context: dict[str, Any]) -> SafeString:
    # Stripped, so that what a patch puts in and what a page is painted with are the same nodes.
    return SafeString(render_to_string(template, context).strip())


rows = RowRenderer()
