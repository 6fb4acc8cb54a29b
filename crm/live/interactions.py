"""Interactions: their list, and the pages of one."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet

from crm.kinds import CUSTOMER, INTERACTION
from crm.live.lists import NAME, CrmList
from crm.live.regions import Summary, WordedEditing
from crm.models import Interaction
from realtime.live.definition import register
from realtime.live.regions import DetailRegion


@register
class InteractionList(CrmList):
    kind = INTERACTION
    searched = ("notes", "customer__name")
    filters: ClassVar = {"type": {"": "Any type", **dict(Interaction.Type.choices)}}
    owners = (CUSTOMER,)
    related: ClassVar = {CUSTOMER.table: NAME}

    def rows(self) -> "QuerySet[Interaction]":
        return Interaction.objects.select_related("customer")

    def chosen(self, name: str, value: str) -> Q:
        return Q(type=value)

    def row_state(self, instance: Interaction) -> tuple[Any, ...]:
        return (instance.customer.name,)


@register
class InteractionDetail(DetailRegion):
    kind = INTERACTION
    related: ClassVar = InteractionList.related

    def queryset(self) -> "QuerySet[Interaction]":
        return InteractionList().rows()


@register
class InteractionEditing(WordedEditing):
    kind = INTERACTION
    related: ClassVar = InteractionList.related


@register
class InteractionSummary(Summary):
    listing = InteractionList
    moment = "interaction_at"
