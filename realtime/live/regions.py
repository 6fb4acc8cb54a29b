"""Live regions: blocks of a page that are rendered whole."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone

from realtime.database.tables import people_table
from realtime.keys import read_key
from realtime.live.app_columns import app_values
from realtime.live.definition import Concern, Definition, Params
from realtime.live.field_changes import worded
from realtime.live.kind import Kind
from realtime.live.past import changes_since
from realtime.live.rendering import fragment
from realtime.live.snapshot import Snapshot
from realtime.live.tracked import tracked_table
from realtime.live.zones import current_zone, in_zone, known_zone, next_midnight
from realtime.sight import current_sight


class LiveRegion(Definition):
    """A block of a page that is rendered whole: a detail, a dashboard block, a notice."""

    name: ClassVar[str]
    permission: ClassVar[str]
    tables: ClassVar[frozenset[str]]
    template: ClassVar[str]

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {}

    @abstractmethod
    def context(self, params: Params) -> dict[str, Any]:
        """What the template gets."""

    def snapshot(self, params: Params) -> Snapshot:
        return Snapshot(parts={"body": fragment(self.template, self.context(params))})


class DayRegion(LiveRegion):
    """Figures whose days are the reader's own: they are read again when the day ends, and seldom (design rule 25)."""

    pause = 2.0

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"tz": known_zone(str(raw.get("tz") or current_zone()))}

    def snapshot(self, params: Params) -> Snapshot:
        with in_zone(params["tz"]):
            # First: should the day end meanwhile, it has turned already and is read again.
            turns_at = next_midnight(timezone.now())
            return replace(super().snapshot(params), turns_at=turns_at)


class RowRegion(LiveRegion):
    """A region about one row of a kind. ``related`` works as in lists: the columns it shows of other tables."""

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
        return {"id": str(read_key(raw["id"]))}

    def record(self, params: Params) -> tuple[str, str]:
        return self.kind.table, params["id"]

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        related = {table: Concern(columns) for table, columns in self.related.items()}
        return related | {self.kind.table: Concern(frozenset(), coming=False)}

    def snapshot(self, params: Params) -> Snapshot:
        # Also for a row that isn't there: it may come.
        keys = frozenset({(self.kind.table, params["id"])})
        is_there = current_sight() is None or self.kind.model._default_manager.filter(pk=params["id"]).exists()
        return replace(super().snapshot(params), keys=keys, is_there=is_there)

    def queryset(self) -> "QuerySet[Any]":
        """Where the row comes from; override it to load what the template shows of related rows."""
        return self.kind.model._default_manager.all()

    def context(self, params: Params) -> dict[str, Any]:
        return {"kind": self.kind, "object": self.queryset().filter(pk=params["id"]).first()}


class DetailRegion(RowRegion):
    """The body of a kind's detail page: ``<templates>/_detail.html``, or a notice that the row is gone."""

    template = "live/_detail.html"

    def context(self, params: Params) -> dict[str, Any]:
        gone_too = {"key": params["id"]} if tracked_table(self.kind.table) else {}
        context = super().context(params)
        more = app_values(context["object"]) if context["object"] else []
        return context | {"detail_template": f"{self.kind.templates}/_detail.html", "more": more} | gone_too


class EditingRegion(RowRegion):
    """Beside an edit form: what others changed since it was opened. static/js/live-form.js brings it to the fields."""

    template = "live/_editing.html"
    suffix = "-editing"
    verb = "change"
    # It names who changed something; people aren't live, so any change to them counts.
    related: ClassVar = {people_table(): frozenset()}

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return super().normalise(raw) | {"revision": int(raw["revision"])}

    def in_words(self, column: str, value: Any) -> Any:
        """What people call a column's value."""
        return worded(self.kind.model._meta.get_field(column), value)  # type: ignore[arg-type]

    def context(self, params: Params) -> dict[str, Any]:
        context = super().context(params)
        row = context["object"]
        changes = changes_since(row, params["revision"]) if row else []
        said = [
            replace(change, was=self.in_words(change.name, change.was), now=self.in_words(change.name, change.now))
            for change in changes
        ]
        return context | {"changes": said}
