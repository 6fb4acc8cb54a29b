"""The pages of the CRM's kinds, where they do more than a kind's plain pages."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse

from crm import customer_page
from crm.blocks import Block, shown_blocks
from crm.forms import AcquisitionForm, CustomerForm, InteractionForm, ProductForm
from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION, PRODUCT
from crm.live.products import ProductAcquisitions
from crm.models import Customer, Product
from crm.timeline_head import timeline
from realtime.keys import Key
from realtime.live.kind import Kind
from realtime.models import LiveModel
from realtime.pages.live_pages import LivePages

Counted = tuple[int, str]


class CrmPages(LivePages):
    """Pages whose detail has blocks of related rows."""

    def blocks(self) -> Iterable[Block]:
        return ()

    def _render(self, request: HttpRequest, page: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        if page == "detail":
            # Also when the row is gone: a page that saw it go still has its blocks, so a reload must have them too.
            context |= self.around(request, request.resolver_match.kwargs["pk"])  # type: ignore[union-attr]
        return super()._render(request, page, context, status)

    def around(self, request: HttpRequest, key: Key) -> dict[str, Any]:
        """What stands around the detail of the row with this key."""
        return {"blocks": shown_blocks(request, self.blocks(), self.kind, key)}


class CustomerPages(CrmPages):
    imports = True

    def blocks(self) -> Iterable[Block]:
        return customer_page.blocks

    def around(self, request: HttpRequest, key: Key) -> dict[str, Any]:
        context = super().around(request, key)
        adds = [{"kind": block["adds"], "url": block["add_url"]} for block in context["blocks"] if "add_url" in block]
        return context | {"adds": adds, "timeline": timeline(request, key, adds)}

    def undeletable_because(self, instance: LiveModel) -> str:
        assert isinstance(instance, Customer)
        return refusal(
            self.kind,
            [
                counted(instance.acquisitions.count(), ACQUISITION),
                counted(instance.interactions.count(), INTERACTION),
                *(count(instance) for count in customer_page.dependants),
            ],
        )


class ProductPages(CrmPages):
    imports = True

    def blocks(self) -> Iterable[Block]:
        return (Block("Acquisitions", ProductAcquisitions.name, order=10, adds=ACQUISITION),)

    def undeletable_because(self, instance: LiveModel) -> str:
        assert isinstance(instance, Product)
        return refusal(self.kind, [counted(instance.acquisitions.count(), ACQUISITION)])


class OwnedPages(CrmPages):
    """Pages of rows that belong to others; the address of a new row may name its owner, as in ``?customer=<id>``."""

    owners: tuple[Kind, ...] = (CUSTOMER, PRODUCT)

    def initial(self, request: HttpRequest) -> dict[str, Any]:
        return {owner.singular: request.GET[owner.singular] for owner in self.owners if owner.singular in request.GET}

    def create(self, request: HttpRequest) -> HttpResponse:
        try:
            return super().create(request)
        except IntegrityError:
            # The chosen row was deleted during this save. On the second try the form says so at its field.
            return super().create(request)

    def edit(self, request: HttpRequest, pk: Any) -> HttpResponse:
        try:
            return super().edit(request, pk)
        except IntegrityError:
            return super().edit(request, pk)


def counted(count: int, kind: Kind) -> Counted:
    return count, kind.singular if count == 1 else kind.plural


def refusal(kind: Kind, dependants: list[Counted]) -> str:
    """Why a row can't be deleted, or an empty string: "This customer has 3 tickets and 1 acquisition. …"."""
    told = [f"{count:,} {word}" for count, word in dependants if count]
    if not told:
        return ""
    listed = " and ".join(filter(None, [", ".join(told[:-1]), told[-1]]))
    return f"This {kind.singular} has {listed}. Delete them first, or give them to another {kind.singular}."


PAGES = (
    ProductPages(PRODUCT, ProductForm),
    CustomerPages(CUSTOMER, CustomerForm),
    OwnedPages(ACQUISITION, AcquisitionForm),
    OwnedPages(INTERACTION, InteractionForm),
)
