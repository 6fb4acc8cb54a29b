"""Interactions: their list, and the pages of one."""

from typing import Any, ClassVar

from django.db.models import QuerySet

from crm.kinds import CUSTOMER, INTERACTION
from crm.live.lists import NAME, period, since, until
from crm.live.regions import Summary
from crm.models import Interaction
from realtime.live.definition import register
from realtime.live.filters import Filters, KeyFilter, WordFilter
from realtime.live.lists import Column, LiveList, Related
from realtime.live.regions import DetailRegion, EditingRegion
from realtime.live.sorting import by_time


class InteractionFilters(Filters):
    type = WordFilter(INTERACTION.table, "type", label="Type")
    when = period("interaction_at", "When")
    when_from = since("interaction_at", "When")
    when_to = until("interaction_at", "When")
    customer = KeyFilter(CUSTOMER, field_name="customer", label="Customer")


@register
class InteractionList(LiveList):
    kind = INTERACTION
    searched = ("notes", "customer__name")
    filters = InteractionFilters
    sorts: ClassVar = {
        "when": by_time("interaction_at"),
        "created": by_time("created_at"),
        "updated": by_time("updated_at"),
    }
    default_sort = "-when"
    columns = (Column("Interaction"), Column("Customer"), Column("When", "when"))
    exported: ClassVar = {
        "Type": "type",
        "Customer": "customer__name",
        "When (UTC)": "interaction_at",
        "Notes": "notes",
        "Created (UTC)": "created_at",
        "Updated (UTC)": "updated_at",
        "Key": "id",
    }
    related: ClassVar = {CUSTOMER.table: Related(NAME, by="customer_id")}

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.select_related("customer")

    def row_state(self, instance: Interaction) -> tuple[Any, ...]:
        return (instance.customer.name,)


@register
class InteractionDetail(DetailRegion):
    kind = INTERACTION
    related: ClassVar = {CUSTOMER.table: NAME}

    def queryset(self) -> "QuerySet[Interaction]":
        return Interaction.objects.select_related("customer")


@register
class InteractionEditing(EditingRegion):
    kind = INTERACTION
    related: ClassVar = {CUSTOMER.table: NAME}


@register
class InteractionSummary(Summary):
    listing = InteractionList
    moment = "interaction_at"
