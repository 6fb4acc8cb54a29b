"""The live lists and regions of the CRM."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Count, Field, ForeignKey, Q, QuerySet, Sum

from crm.customer_page import register_block
from crm.kinds import ACQUISITION, CUSTOMER, INTERACTION, PRODUCT
from crm.models import Acquisition, Interaction
from crm.search import matching
from realtime.field_changes import FieldChange, label_of
from realtime.kind import Kind
from realtime.live import DetailRegion, EditingRegion, LiveList, LiveRegion, Params, RowChange, RowRegion, register

# Of its related rows a page shows the latest; all of them are one link away, in their list.
BLOCK_ROWS = 20
SUMMARY_ROWS = 5

NAME = frozenset({"name"})


class CrmList(LiveList):
    """A list that is searched in ``searched`` and takes, beside the choices, the owner of its rows: ``?customer=<id>``.

    ``choices`` follow from ``filters``: for each parameter its values with their words, the first one meaning any.
    """

    searched: ClassVar[tuple[str, ...]]
    filters: ClassVar[dict[str, dict[str, str]]] = {}
    owners: ClassVar[tuple[Kind, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.choices = {name: tuple(words) for name, words in cls.filters.items()}

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        params = super().normalise(raw)
        # Absent where it isn't asked for: every parameter that is there is in the addresses of other pages too.
        return params | {owner.singular: key for owner in self.owners if (key := clean_key(raw.get(owner.singular)))}

    def queryset(self, params: Params) -> "QuerySet[Any]":
        rows = matching(self.rows(), params["q"], *self.searched)
        for owner in self.owners:
            if owner.singular in params:
                rows = rows.filter(**{owner.singular: params[owner.singular]})
        return rows.filter(*(self.chosen(name, params[name]) for name in self.choices if params[name]))

    def rows(self) -> "QuerySet[Any]":
        """All rows, with what is shown of their relatives."""
        return self.kind.model._default_manager.all()

    def chosen(self, name: str, value: str) -> Q:
        """What the choice ``value`` of the filter ``name`` means."""
        raise NotImplementedError

    def is_filtered(self, params: Params) -> bool:
        return super().is_filtered(params) or any(owner.singular in params for owner in self.owners)


def clean_key(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return ""


# One set of bands for prices and totals: what a column of amounts is asked for most.
AMOUNTS = {"": "Any amount", "small": "Under 100", "middle": "100 to 1,000", "large": "Over 1,000"}


def amount_in(column: str, band: str) -> Q:
    bands = {
        "small": Q((f"{column}__lt", 100)),
        "middle": Q((f"{column}__range", (100, 1000))),
        "large": Q((f"{column}__gt", 1000)),
    }
    return bands[band]


@register
class ProductList(CrmList):
    kind = PRODUCT
    searched = ("name", "description")
    filters: ClassVar = {"price": AMOUNTS}

    def chosen(self, name: str, value: str) -> Q:
        return amount_in("price", value)


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
class AcquisitionList(CrmList):
    kind = ACQUISITION
    searched = ("product__name", "customer__name")
    filters: ClassVar = {"total": AMOUNTS}
    owners = (CUSTOMER, PRODUCT)
    related: ClassVar = {CUSTOMER.table: NAME, PRODUCT.table: NAME}

    def rows(self) -> "QuerySet[Acquisition]":
        return Acquisition.objects.select_related("customer", "product")

    def chosen(self, name: str, value: str) -> Q:
        return amount_in("total_amount", value)

    def row_state(self, instance: Acquisition) -> tuple[Any, ...]:
        return (instance.customer.name, instance.product.name)


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


# The pages of one row


@register
class ProductDetail(DetailRegion):
    kind = PRODUCT


@register
class CustomerDetail(DetailRegion):
    kind = CUSTOMER


@register
class AcquisitionDetail(DetailRegion):
    kind = ACQUISITION
    related: ClassVar = AcquisitionList.related

    def queryset(self) -> "QuerySet[Acquisition]":
        return AcquisitionList().rows()


@register
class InteractionDetail(DetailRegion):
    kind = INTERACTION
    related: ClassVar = InteractionList.related

    def queryset(self) -> "QuerySet[Interaction]":
        return InteractionList().rows()


@register
class ProductEditing(EditingRegion):
    kind = PRODUCT


@register
class CustomerEditing(EditingRegion):
    kind = CUSTOMER


class WordedEditing(EditingRegion):
    """Says relatives by their names and choices by their words, where the row has keys."""

    def context(self, params: Params) -> dict[str, Any]:
        context = super().context(params)
        fields = {label_of(field): field for field in self.kind.model._meta.concrete_fields}
        context["changes"] = [
            FieldChange(
                change.label, worded(fields[change.label], change.was), worded(fields[change.label], change.now)
            )
            for change in context["changes"]
        ]
        return context


def worded(field: "Field[Any, Any]", value: Any) -> Any:
    if isinstance(field, ForeignKey):
        return field.related_model._default_manager.filter(pk=value).first() or "a deleted one"
    return dict(field.flatchoices).get(value, value)


@register
class AcquisitionEditing(WordedEditing):
    kind = ACQUISITION
    related: ClassVar = AcquisitionList.related


@register
class InteractionEditing(WordedEditing):
    kind = INTERACTION
    related: ClassVar = InteractionList.related


class NameRegion(RowRegion):
    """Only the name of a row, where a page of other rows is about it."""

    suffix = "-name"
    template = "crm/_name.html"


@register
class ProductName(NameRegion):
    kind = PRODUCT


@register
class CustomerName(NameRegion):
    kind = CUSTOMER


# Blocks that show some rows of a list


class ListExcerpt(LiveRegion):
    """The first rows of a list and its figures; concerned by what concerns the list."""

    listing: ClassVar[type[CrmList]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "listing" in cls.__dict__:
            cls.permission = cls.listing.kind.permission("view")
            cls.tables = cls.listing().tables

    def concerns(self, params: Params, table: str, changes: Iterable[RowChange]) -> bool:
        return self.listing().concerns(params, table, changes)


class Summary(ListExcerpt):
    """A block of the dashboard: how many there are, and the first few, each with its ``moment``."""

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


@register
class ProductSummary(Summary):
    listing = ProductList


@register
class CustomerSummary(Summary):
    listing = CustomerList


@register
class AcquisitionSummary(Summary):
    listing = AcquisitionList


@register
class InteractionSummary(Summary):
    listing = InteractionList
    moment = "interaction_at"


class OwnedBlock(ListExcerpt):
    """On the page of ``owner``: how many rows belong to it, what they come to, and the latest."""

    owner: ClassVar[Kind]
    figures: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        kind = cls.listing.kind
        cls.name = f"{cls.owner.singular}-{kind.plural}"
        cls.template = f"{cls.owner.templates}/_{kind.plural}.html"

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"id": str(UUID(str(raw["id"])))}

    def context(self, params: Params) -> dict[str, Any]:
        listing = self.listing()
        owned = listing.queryset(listing.normalise({self.owner.singular: params["id"]}))
        return {
            "kind": listing.kind,
            "figures": owned.order_by().aggregate(count=Count("pk"), **self.figures),
            "latest": list(owned[:BLOCK_ROWS]),
            "limit": BLOCK_ROWS,
            "all_query": f"?{self.owner.singular}={params['id']}",
        }


@register
class CustomerAcquisitions(OwnedBlock):
    owner = CUSTOMER
    listing = AcquisitionList
    figures: ClassVar = {"total": Sum("total_amount")}


@register
class CustomerInteractions(OwnedBlock):
    owner = CUSTOMER
    listing = InteractionList


@register
class ProductAcquisitions(OwnedBlock):
    owner = PRODUCT
    listing = AcquisitionList
    figures: ClassVar = {"total": Sum("total_amount"), "quantity": Sum("quantity")}


register_block("Acquisitions", CustomerAcquisitions.name, order=10, adds=ACQUISITION)
register_block("Interactions", CustomerInteractions.name, order=20, adds=INTERACTION)
