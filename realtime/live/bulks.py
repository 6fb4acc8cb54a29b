"""What pages show of bulks: the report for the person whose bulk it is, and one notice to everybody else."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.urls import reverse

from realtime.database.actor import Origin
from realtime.database.tables import people_table
from realtime.live.definition import Concern, Params, definition_named, register
from realtime.live.lists import LiveList
from realtime.live.people import known_names
from realtime.live.regions import LiveRegion
from realtime.live.rendering import fragment
from realtime.live.snapshot import Snapshot
from realtime.models import Bulk, BulkRow
from realtime.sight import current_sight

TABLE = Bulk._meta.db_table
# Of rows that weren't changed, so many are listed by name.
NAMED = 200
# Fewer rows are done before anybody has read a notice.
MANY = 100

DID = {"change": "changed", "delete": "deleted", "merge": "merged", "undo": "put back"}
DOES = {"change": "changing", "delete": "deleting", "merge": "merging", "undo": "putting back"}
Outcome = BulkRow.Outcome


def origin_of(bulk: Bulk) -> Origin:
    return Origin.UNDO if bulk.verb == Bulk.Verb.UNDO else Origin.PORTAL


def action_of(bulk: Bulk) -> str:
    """The name that its changes have in the change log."""
    return f"{origin_of(bulk)}:{bulk.pk.hex}"


def listing_of(name: str) -> LiveList:
    """Raises UnknownDefinition or ValueError for what isn't a list."""
    found = definition_named(name)
    if not isinstance(found, LiveList):
        raise ValueError(f"no list: {name}")
    return found


@register
class BulkReport(LiveRegion):
    """How far a bulk is, and what became of each row that wasn't simply done."""

    name = "bulk"
    permission = ""
    template = "live/bulk/_report.html"
    pause = 0.5
    tables = frozenset({TABLE})

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        listing = listing_of(str(raw["listing"])).name
        return {"id": str(UUID(str(raw["id"]))), "person": str(UUID(str(raw["person"]))), "listing": listing}

    def reader(self, params: Params) -> str:
        return str(params["person"])

    def permissions(self, params: Params) -> frozenset[str]:
        return frozenset({listing_of(params["listing"]).permission})

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {TABLE: Concern(frozenset(), coming=False)}

    def snapshot(self, params: Params) -> Snapshot:
        # The person stands for all of their rows: the log says whose rows changed, not which.
        keys = frozenset({(TABLE, params["person"])})
        return Snapshot(parts={"body": fragment(self.template, self.context(params))}, keys=keys)

    def context(self, params: Params) -> dict[str, Any]:
        bulk = Bulk.objects.filter(pk=params["id"], person_id=params["person"]).first()
        if bulk is None:
            return {"bulk": None}
        counted = bulk.rows.order_by().values_list("outcome").annotate(told=Count("pk"))
        counts: dict[str, int] = dict(counted)
        kind = listing_of(params["listing"]).kind
        unfinished = bulk.rows.exclude(outcome__in=(Outcome.WAITING, Outcome.CHANGED, Outcome.SAME)).order_by("id")
        others = list(unfinished[:NAMED])
        rows = {str(row.pk): row for row in kind.model._default_manager.filter(pk__in=[o.row_key for o in others])}
        return {
            "bulk": bulk,
            "action": action_of(bulk),
            "kind": kind,
            "plural": kind.singular if bulk.total == 1 else kind.plural,
            "did": DID[bulk.verb],
            "does": DOES[bulk.verb],
            "done": bulk.total - counts.get(Outcome.WAITING, 0),
            "counts": [(outcome.value, counts[outcome]) for outcome in Outcome if outcome and counts.get(outcome)],
            "others": [
                (other, rows.get(other.row_key), reverse(kind.detail_name, args=[other.row_key])) for other in others
            ],
            "more": max(0, unfinished.count() - len(others)),
            "changed": counts.get(Outcome.CHANGED, 0),
        }


@register
class BulksUnderWay(LiveRegion):
    """ "Anna is changing 5,000 tickets", above the list of them: one notice instead of thousands of flashes."""

    name = "bulks"
    permission = ""
    template = "live/bulk/_under_way.html"
    pause = 1.0

    @property
    def tables(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset({TABLE, people_table()})

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"listing": listing_of(str(raw["listing"])).name}

    def permissions(self, params: Params) -> frozenset[str]:
        return frozenset({listing_of(params["listing"]).permission})

    def context(self, params: Params) -> dict[str, Any]:
        running = Bulk.objects.filter(listing=params["listing"], state=Bulk.State.RUNNING, total__gte=MANY)
        bulks = list(running.order_by("created_at", "id"))
        names = known_names([str(bulk.person_id) for bulk in bulks])
        # How many there are is nothing for somebody who sees only some of them.
        sees_all = current_sight() is None
        return {
            "kind": listing_of(params["listing"]).kind,
            "bulks": [
                {
                    "who": names.get(str(bulk.person_id), "Somebody"),
                    "does": DOES[bulk.verb],
                    "count": bulk.total if sees_all else None,
                }
                for bulk in bulks
            ],
        }
