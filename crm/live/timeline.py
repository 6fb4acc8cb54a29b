"""A customer's timeline: everything that happened with them, from all sources, the newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from crm import customer_page
from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION, PRODUCT
from crm.live.lists import NAME
from crm.timeline import Entry, Place, TimelineSource
from realtime.database.tables import people_table
from realtime.keys import read_key
from realtime.live.definition import Concern, Definition, Params, register
from realtime.live.lists import COUNT_LIMIT, LiveList, Related, first, values_of
from realtime.live.membership import Question, question
from realtime.live.people import creator_of
from realtime.live.rendering import fragment
from realtime.live.snapshot import Snapshot

PAGE_SIZE = 30

# Who created a row is shown by name; people aren't live, so any change to them counts.
PEOPLE = {people_table(): Related(frozenset())}


@dataclass(frozen=True, slots=True)
class TimelinePage:
    entries: list[Entry]
    has_later: bool
    has_earlier: bool


@register
class CustomerTimeline(Definition):
    """``show`` names the sources; whoever attaches needs the rights of each of them."""

    name = "customer-timeline"
    permission = CUSTOMER.permission("view")
    own_table = CUSTOMER.table
    # It is counted with each reading (design rule 24).
    pause = 0.5

    @property
    def tables(self) -> frozenset[str]:
        return frozenset({CUSTOMER.table}.union(*(source.concerns() for source in customer_page.sources)))

    def permissions(self, params: Params) -> frozenset[str]:
        return frozenset({self.permission}).union(*(source.permissions for source in _sources(params)))

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        asked = values_of(raw, "show")
        known = [source.name for source in customer_page.sources]
        params: Params = {"id": str(read_key(raw["id"])), "show": [name for name in known if name in asked] or known}
        return params | _place(raw)

    # What it shows

    def snapshot(self, params: Params) -> Snapshot:
        page = self._read(params)
        sources = _sources(params)
        count = sum(source.members(params["id"])[: COUNT_LIMIT + 1].count() for source in sources)
        keys = {(CUSTOMER.table, params["id"])}
        for source in sources:
            keys |= source.keys_of(entry.instance for entry in page.entries if entry.source is source)
        return Snapshot(
            rows=tuple(entry.render() for entry in page.entries),
            count=LiveList.count_text(count),
            parts={
                "empty": fragment("crm/timeline/_empty.html", _empty(params, page)),
                "steps": fragment("crm/timeline/_steps.html", _steps(params, page)),
            },
            keys=frozenset(keys),
        )

    def _read(self, params: Params) -> TimelinePage:
        if "before" in params:
            nearest = self._merged(params, before=Place.read(params["before"]))
            if len(nearest) > PAGE_SIZE:
                return TimelinePage(nearest[PAGE_SIZE - 1 :: -1], has_later=True, has_earlier=True)
            # Fewer entries than a page holds come before it: that is the first page.
        behind = Place.read(params["after"]) if "after" in params else None
        newest = self._merged(params, behind=behind)
        return TimelinePage(newest[:PAGE_SIZE], behind is not None, len(newest) > PAGE_SIZE)

    def _merged(self, params: Params, behind: Place | None = None, before: Place | None = None) -> list[Entry]:
        """One page and one more entry, the nearest to the place first."""
        entries = [
            entry
            for source in _sources(params)
            for entry in source.entries(params["id"], PAGE_SIZE + 1, behind, before)
        ]
        return sorted(entries, key=lambda entry: entry.place, reverse=before is None)[: PAGE_SIZE + 1]

    # What concerns it

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        told: dict[str, Concern] = {}
        for source in _sources(params):
            for table, concern in source.concerns().items():
                # Where two sources say different things, any change is read.
                told[table] = concern if told.get(table, concern) == concern else Concern()
        return told

    def question(self, params: Params, snapshot: Snapshot, table: str) -> Question | None:
        source = next((source for source in _sources(params) if source.kind.table == table), None)
        # Wherever an entry lies, it is counted.
        counted = ExpressionWrapper(~Q(pk=None), BooleanField())
        return question(source.members(params["id"]), counted) if source is not None else None


class InteractionEntries(TimelineSource):
    kind = INTERACTION
    moment = "interaction_at"
    related = PEOPLE

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        entries: QuerySet[Any] = queryset.annotate(creator_name=creator_of(self.kind.model))
        return entries

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        return (instance.creator_name,)


class AcquisitionEntries(TimelineSource):
    kind = ACQUISITION
    related: ClassVar = PEOPLE | {PRODUCT.table: Related(NAME, by="product_id")}

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        entries: QuerySet[Any] = queryset.select_related("product").annotate(creator_name=creator_of(self.kind.model))
        return entries

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        return (instance.creator_name, instance.product.name)


def query_string(names: list[str], **place: str) -> str:
    """The address of a part of the timeline, below a customer's own; without names, of everything."""
    return "?" + urlencode({"show": names} | place, doseq=True) + "#timeline"


def _sources(params: Params) -> list[TimelineSource]:
    return [source for source in customer_page.sources if source.name in params["show"]]


def _place(raw: Mapping[str, Any]) -> Params:
    for name in ("after", "before"):
        if text := first(raw, name):
            try:
                return {name: Place.read(text).text}
            except ValueError:
                return {}
    return {}


def _empty(params: Params, page: TimelinePage) -> dict[str, Any]:
    sources = _sources(params)
    return {
        "is_empty": not page.entries,
        "beyond": not page.entries and page.has_later,
        "kinds": [source.kind.plural for source in sources],
        "icon": sources[0].kind.icon if len(sources) == 1 else "history",
        "newest_query": query_string(params["show"]),
    }


def _steps(params: Params, page: TimelinePage) -> dict[str, Any]:
    ends = [entry.place.text for entry in (*page.entries[:1], *page.entries[-1:])]
    # Nothing is left on a page whose entries have gone; its place in the order is still known.
    later, earlier = ends or (params.get("after", ""), params.get("after", ""))
    return {
        "has_later": page.has_later,
        "has_earlier": page.has_earlier,
        "newest_query": query_string(params["show"]),
        "later_query": query_string(params["show"], before=later),
        "earlier_query": query_string(params["show"], after=earlier),
    }


customer_page.register_source(InteractionEntries())
customer_page.register_source(AcquisitionEntries())
