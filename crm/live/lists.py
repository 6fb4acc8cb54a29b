"""What the lists of the CRM share: search, filters, and the rows that belong to one customer or product."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet

from crm.search import matching
from realtime.live.definition import Params
from realtime.live.kind import Kind
from realtime.live.lists import LiveList

NAME = frozenset({"name"})


class CrmList(LiveList):
    """A list that searches ``searched`` and filters by ``choices`` and by the owner of its rows: ``?customer=<id>``.

    ``choices`` come from ``filters``, which maps each parameter to its values and their words. The first value means
    any.
    """

    searched: ClassVar[tuple[str, ...]]
    filters: ClassVar[dict[str, dict[str, str]]] = {}
    owners: ClassVar[tuple[Kind, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.choices = {name: tuple(words) for name, words in cls.filters.items()}

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        params = super().normalise(raw)
        # Left out when nobody asks for it: every parameter present is in the addresses of other pages too.
        return params | {owner.singular: key for owner in self.owners if (key := clean_key(raw.get(owner.singular)))}

    def queryset(self, params: Params) -> "QuerySet[Any]":
        rows = matching(self.rows(), params["q"], *self.searched)
        for owner in self.owners:
            if owner.singular in params:
                rows = rows.filter(**{owner.singular: params[owner.singular]})
        return rows.filter(*(self.chosen(name, params[name]) for name in self.choices if params[name]))

    def rows(self) -> "QuerySet[Any]":
        """All rows, with what they show of related rows."""
        return self.kind.model._default_manager.all()

    def chosen(self, name: str, value: str) -> Q:
        """The condition that the choice ``value`` of the filter ``name`` stands for."""
        raise NotImplementedError

    def is_filtered(self, params: Params) -> bool:
        return super().is_filtered(params) or any(owner.singular in params for owner in self.owners)


def clean_key(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return ""


# One set of bands for prices and totals: the ones that people ask for most.
AMOUNTS = {"": "Any amount", "small": "Under 100", "middle": "100 to 1,000", "large": "Over 1,000"}


def amount_in(column: str, band: str) -> Q:
    bands = {
        "small": Q((f"{column}__lt", 100)),
        "middle": Q((f"{column}__range", (100, 1000))),
        "large": Q((f"{column}__gt", 1000)),
    }
    return bands[band]
