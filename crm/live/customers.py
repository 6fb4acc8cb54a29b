"""Customers: their list, and the pages of one."""

from typing import ClassVar

from django.db.models import Q, Sum

from crm.customer_page import register_block
from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION
from crm.live.acquisitions import AcquisitionList
from crm.live.interactions import InteractionList
from crm.live.lists import CrmList
from crm.live.regions import NameRegion, OwnedBlock, Summary
from realtime.live.definition import register
from realtime.live.regions import DetailRegion, EditingRegion


@register
class CustomerList(CrmList):
    kind = CUSTOMER
    searched = ("name", "email", "phone")
    filters: ClassVar = {
        "contact": {"": "Any contact", "email": "With email", "phone": "With phone", "none": "Without either"}
    }

    def chosen(self, name: str, value: str) -> Q:
        return Q(email="", phone="") if value == "none" else ~Q((value, ""))


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


@register
class CustomerInteractions(OwnedBlock):
    owner = CUSTOMER
    listing = InteractionList


register_block("Acquisitions", CustomerAcquisitions.name, order=10, adds=ACQUISITION)
register_block("Interactions", CustomerInteractions.name, order=20, adds=INTERACTION)
