"""Kinds of regions that several pages of the CRM have."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import Count

from realtime.keys import read_key
from realtime.live.definition import Concern, Params
from realtime.live.kind import Kind
from realtime.live.lists import LiveList
from realtime.live.regions import LiveRegion, RowRegion
from realtime.live.rendering import fragment
from realtime.live.snapshot import Snapshot

# A page shows only the latest related rows; one link leads to the list of all of them.
BLOCK_ROWS = 20
# Beside a timeline that has them all.
FEW_ROWS = 5


SUMMARY_ROWS = 5


class NameRegion(RowRegion):
    """Only the name of a row, for pages about other rows."""

    suffix = "-name"
    template = "crm/_name.html"


class ListExcerpt(LiveRegion):
    """The first rows of a list and its figures."""

    # Figures are read from many rows, and a busy table changes all the time (design rule 25).
    pause = 2.0
    listing: ClassVar[type[LiveList]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "listing" in cls.__dict__:
            cls.permission = cls.listing.kind.permission("view")
            cls.tables = cls.listing().tables

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        listing = self.listing()
        related = {table: Concern(related.columns) for table, related in listing.related.items()}
        return {listing.kind.table: Concern()} | related


class Summary(ListExcerpt):
    """A block of the dashboard: the count, and the first few rows, each with its ``moment``."""

    template = "crm/_summary.html"
    moment: ClassVar[str] = "updated_at"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = f"{cls.listing.kind.singular}-summary"

    def context(self, params: Params) -> dict[str, Any]:
        listing = self.listing()
        everything = listing.normalise({})
        return {
            "kind": listing.kind,
            "count_text": listing.count_text(listing.count(everything)),
            "latest": [(row, getattr(row, self.moment)) for row in listing.queryset(everything)[:SUMMARY_ROWS]],
        }


class OwnedBlock(ListExcerpt):
    """A block on the page of ``owner``: how many rows belong to it, what they add up to, and the latest."""

    owner: ClassVar[Kind]
    figures: ClassVar[dict[str, Any]] = {}
    limit: ClassVar[int] = BLOCK_ROWS

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        kind = cls.listing.kind
        cls.name = f"{cls.owner.singular}-{kind.plural}"
        cls.template = f"{cls.owner.templates}/_{kind.plural}.html"
        cls.own_table = cls.owner.table

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"id": str(read_key(raw["id"]))}

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        """Changes to rows that belong to the owner, or did, and to what the latest ones point to."""
        listing = self.listing()
        pointed = {
            table: Concern(frozenset(), coming=False, shown=related.columns) if related.by else Concern(related.columns)
            for table, related in listing.related.items()
        }
        owned = Concern(frozenset(), coming=False, back=f"{self.owner.singular}_id")
        return pointed | {listing.kind.table: owned}

    def snapshot(self, params: Params) -> Snapshot:
        context = self.context(params)
        keys = self.listing().keys_of(context["latest"]) | {(self.owner.table, params["id"])}
        return Snapshot(parts={"body": fragment(self.template, context)}, keys=keys)

    def context(self, params: Params) -> dict[str, Any]:
        listing = self.listing()
        owned = listing.queryset(listing.normalise({self.owner.singular: params["id"]}))
        return {
            "kind": listing.kind,
            "figures": owned.order_by().aggregate(count=Count("pk"), **self.figures),
            "latest": list(owned[: self.limit]),
            "limit": self.limit,
            "all_query": f"?{self.owner.singular}={params['id']}",
        }
