"""What a customer's timeline is made of: sources of entries, which apps register in ``customer_page.py``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db.models import F, Q, QuerySet

from realtime.keys import Key, read_key
from realtime.live.definition import Concern
from realtime.live.kind import Kind
from realtime.live.lists import Related
from realtime.live.rendering import rows
from realtime.live.row_version import versioned
from realtime.live.snapshot import Row
from realtime.live.sorting import NeverNull, PageKey, RowComparison


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place on a timeline. What happened at the same moment is ordered by source and key: the order is total."""

    at: datetime
    source: str
    key: Key

    @property
    def text(self) -> str:
        """As addresses have it."""
        return f"{self.at.astimezone(UTC).isoformat()}/{self.source}/{self.key}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """Raises ``ValueError`` for anything that ``text`` didn't write."""
        at, _, rest = text.partition("/")
        source, _, key = rest.partition("/")
        try:
            place = cls(datetime.fromisoformat(at).astimezone(UTC), source, read_key(key))
        except OverflowError:
            raise ValueError(text) from None
        if place.text != text or not source.isidentifier() or not source.isascii():
            raise ValueError(text)
        return place


@dataclass(frozen=True, slots=True)
class Entry:
    place: Place
    source: "TimelineSource"
    instance: Any

    def render(self) -> Row:
        source, instance = self.source, self.instance
        row_id = f"{source.name}-{instance.pk}"
        return rows.render(source.template, instance, source.row_state(instance), row_id)


class TimelineSource:
    """Entries of one kind, each shown by ``<templates>/_entry.html``, which extends ``crm/timeline/_entry.html``.

    As in a list, ``related`` declares what entries show of other tables, ``described`` loads it, and ``row_state`` says
    its values.
    """

    kind: ClassVar[Kind]
    # The column that says when it happened.
    moment: ClassVar[str] = "created_at"
    # The way to the customer: a relation of its own, or one of a row that it belongs to (``ticket__customer``).
    owner: ClassVar[str] = "customer"
    # The kinds that a reader has to be allowed to see besides its own.
    shows: ClassVar[tuple[Kind, ...]] = ()
    related: ClassVar[Mapping[str, Related]] = {}

    @property
    def name(self) -> str:
        return self.kind.plural

    @property
    def label(self) -> str:
        return self.kind.plural.capitalize()

    @property
    def template(self) -> str:
        return f"{self.kind.templates}/_entry.html"

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset(kind.permission("view") for kind in (self.kind, *self.shows))

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """Adds what an entry shows of related rows."""
        return queryset

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        """What an entry's look depends on besides the row itself."""
        return ()

    # Its entries

    def members(self, customer: str) -> "QuerySet[Any]":
        return self.kind.model._default_manager.order_by().filter(**{self.owner: customer})

    def placed(self, customer: str) -> "QuerySet[Any]":
        """Its members, each with when it ``happened``."""
        placed: QuerySet[Any] = self.members(customer).annotate(happened=NeverNull(F(self.moment)))
        return placed

    def entries(
        self, customer: str, limit: int, behind: Place | None = None, before: Place | None = None
    ) -> list[Entry]:
        """The newest entries, of those behind a place if one is given; or the nearest ones before a place."""
        found = versioned(self.described(self.placed(customer)))
        if behind is not None:
            found = found.filter(self._compared("<", behind))
        if before is not None:
            found = found.filter(self._compared(">", before))
        order = ("happened", "pk") if before is not None else ("-happened", "-pk")
        return [Entry(Place(row.happened, self.name, row.pk), self, row) for row in found.order_by(*order)[:limit]]

    def _compared(self, operator: str, place: Place) -> Any:
        """Whether an entry lies behind ("<") or before (">") a place."""
        if self.name == place.source:
            return RowComparison(F("happened"), F("pk"), PageKey(place.at, place.key), operator)
        # What another source has at the same moment lies on one side of it as a whole.
        at_too = self.name < place.source if operator == "<" else self.name > place.source
        lookup = ("lt" if operator == "<" else "gt") + ("e" if at_too else "")
        return Q((f"happened__{lookup}", place.at))

    # What concerns it

    @property
    def asks(self) -> bool:
        """Whether only PostgreSQL knows whose a changed row is, because it belongs to the customer through another."""
        return "__" in self.owner

    def concerns(self) -> Mapping[str, Concern]:
        relation, _, theirs = self.owner.partition("__")
        told = {
            table: Concern(frozenset(), coming=False, shown=related.columns) if related.by else Concern(related.columns)
            for table, related in self.related.items()
        }
        if not theirs:
            return told | {self.kind.table: _belonging(relation)}
        between = self.kind.model._meta.get_field(relation).related_model
        table = str(between._meta.db_table)  # type: ignore[union-attr]
        return told | {table: _belonging(theirs), self.kind.table: Concern(asks=True)}

    def keys_of(self, instances: Iterable[Any]) -> set[tuple[str, str]]:
        """The rows of other tables that entries point to and show something of."""
        pointing = [(table, related.by) for table, related in self.related.items() if related.by]
        return {(table, str(getattr(instance, by))) for instance in instances for table, by in pointing}


def _belonging(relation: str) -> Concern:
    """Any change to a row that belongs to the customer, or did."""
    return Concern(frozenset(), coming=False, back=f"{relation}_id")
