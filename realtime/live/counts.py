"""How many rows a list has: a region for wherever the list itself isn't, such as the side bar."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db.models import BooleanField, Value
from django.utils import timezone

from realtime.live.definition import Concern, Definition, Params
from realtime.live.membership import Question, question
from realtime.live.snapshot import Fragment, Snapshot, version_of
from realtime.live.zones import in_zone

if TYPE_CHECKING:
    from realtime.live.lists import LiveList


class ListCount(Definition):
    """Counts what a list's heading counts. Only a row that comes into the list or leaves it has it read again."""

    # Counting looks at many rows, and a busy table changes all the time (design rule 25).
    pause = 2.0

    def __init__(self, listing: "LiveList") -> None:
        self._listing = listing

    @property
    def name(self) -> str:
        return count_of(self._listing.name)

    @property
    def permission(self) -> str:
        return self._listing.permission

    @property
    def tables(self) -> frozenset[str]:
        return self._listing.tables

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        """Addresses that differ only in order and page have one count."""
        return self._listing.membership(self._listing.normalise(raw))

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        listing = self._listing
        # It shows no row, so nothing that a row shows concerns it.
        concerns = {listing.kind.table: listing.deciding_concern(listing.deciding_columns(params), frozenset())}
        for table in listing.related:
            if found := listing.searched_columns(params, table):
                concerns[table] = Concern(found, shown=frozenset())
        return concerns

    def question(self, params: Params, snapshot: Snapshot, table: str) -> Question | None:
        with in_zone(params.get("tz", "")):
            try:
                # Nothing is inside: which rows they are doesn't matter, only how many.
                return question(self._listing.members(params, by_row=True), Value(False, BooleanField()))
            except EmptyResultSet:
                return None

    def snapshot(self, params: Params) -> Snapshot:
        with in_zone(params.get("tz", "")):
            turns_at = self._listing.all_filters.turns_at(params, timezone.now())
            count = self._listing.count(params)
        text = self._listing.count_text(count)
        return Snapshot(
            parts={"body": Fragment(version_of(text), text)},
            counts=self._listing.is_exact(count),
            turns_at=turns_at,
        )


def count_of(listing: str) -> str:
    """The name of a list's count."""
    return f"{listing}-count"
