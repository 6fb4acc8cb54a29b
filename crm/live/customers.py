"""Customers: their list, and the pages of one."""

from typing import ClassVar

from django.db.models import Q, Sum

from crm.customer_page import register_block
from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION
from crm.live.acquisitions import AcquisitionList
from crm.live.interactions import InteractionList
from crm.live.lists import period, since, until
from crm.live.regions import FEW_ROWS, NameRegion, OwnedBlock, Summary
from realtime.live.definition import register
from realtime.live.filters import Filters, OneOf
from realtime.live.lists import Column, LiveList
from realtime.live.regions import DetailRegion, EditingRegion
from realtime.live.sorting import by_text, by_time


class CustomerFilters(Filters):
    contact = OneOf(
        {
            "email": ("With email", ~Q(email="")),
            "phone": ("With phone", ~Q(phone="")),
            "none": ("Without either", Q(email="", phone="")),
        },
        ("email", "phone"),
        label="Contact",
    )
    created = period("created_at", "Created")
    created_from = since("created_at", "Created")
    created_to = until("created_at", "Created")
    updated = period("updated_at", "Updated")


@register
class CustomerList(LiveList):
    kind = CUSTOMER
    searched = ("name", "email", "phone")
    filters = CustomerFilters
    sorts: ClassVar = {
        "created": by_time("created_at"),
        "name": by_text("name"),
        "email": by_text("email"),
        "phone": by_text("phone"),
        "updated": by_time("updated_at"),
    }
    columns = (
        Column("Customer", "name"),
        Column("Email", "email"),
        Column("Phone", "phone"),
        Column("Updated", "updated"),
    )
    exported: ClassVar = {
        "Customer": "name",
        "Email": "email",
        "Phone": "phone",
        "Created (UTC)": "created_at",
        "Updated (UTC)": "updated_at",
        "Key": "id",
    }


@register
class CustomerDetail(DetailRegion):
    kind = CUSTOMER


@register
class CustomerEditing(EditingRegion):
    kind = CUSTOMER


@register
class CustomerName(NameRegion):
    kind = CUSTOMER


@register
class CustomerSummary(Summary):
    listing = CustomerList


@register
class CustomerAcquisitions(OwnedBlock):
    owner = CUSTOMER
    listing = AcquisitionList
    figures: ClassVar = {"total": Sum("total_amount")}
    limit = FEW_ROWS


@register
class CustomerInteractions(OwnedBlock):
    owner = CUSTOMER
    listing = InteractionList
    limit = FEW_ROWS


register_block("Acquisitions", CustomerAcquisitions.name, order=10, adds=ACQUISITION)
register_block("Interactions", CustomerInteractions.name, order=20, adds=INTERACTION)
