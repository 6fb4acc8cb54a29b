"""What the search through everything finds of the CRM."""

from typing import Any

from django.utils.formats import number_format
from django.utils.text import Truncator

from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION, PRODUCT
from crm.models import Acquisition, Customer, Interaction, Product
from realtime.pages.search_everywhere import Source, register_source

EXCERPT = 100


def contact(customer: Customer) -> str:
    return " · ".join(filter(None, (customer.email, customer.phone)))


def amount(value: Any) -> str:
    return "" if value is None else str(number_format(value, decimal_pos=2, force_grouping=True))


def excerpt(text: str | None) -> str:
    """Empty for a text that the reader may not see."""
    return Truncator(" ".join((text or "").split())).chars(EXCERPT)


register_source(Source(CUSTOMER, ("name", "email", "phone"), Customer.objects.all, contact))
register_source(Source(PRODUCT, ("name", "description"), Product.objects.all, lambda product: amount(product.price)))
register_source(
    Source(
        ACQUISITION,
        ("product__name", "customer__name"),
        lambda: Acquisition.objects.select_related("customer", "product"),
        lambda acquisition: amount(acquisition.total_amount),
    )
)
register_source(
    Source(
        INTERACTION,
        ("notes", "customer__name"),
        lambda: Interaction.objects.select_related("customer"),
        lambda interaction: excerpt(interaction.notes),
    )
)
