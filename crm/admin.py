from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from crm.models import Acquisition, Customer, Interaction, Product
from realtime.pages.live_admin import LiveInline, LiveInlineForms, LiveModelAdmin


class LatestRows(LiveInlineForms):
    """Shows only a customer's newest rows; Django refuses a form that holds hundreds of them."""

    LIMIT = 20

    def get_queryset(self) -> "QuerySet[Any]":
        rows = super().get_queryset()
        # A posted form holds the rows as they were shown; newer ones may have overtaken them meanwhile.
        return rows if self.is_bound else rows[: self.LIMIT]


class LatestInline(LiveInline):
    formset = LatestRows


class AcquisitionInline(LatestInline):
    model = Acquisition
    verbose_name_plural = "latest acquisitions"
    autocomplete_fields = ("product",)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Acquisition]":
        rows: QuerySet[Acquisition] = super().get_queryset(request)
        return rows.select_related("customer", "product")


class InteractionInline(LatestInline):
    model = Interaction
    verbose_name_plural = "latest interactions"


@admin.register(Product)
class ProductAdmin(LiveModelAdmin):
    list_display = ("name", "price", "created_at", "updated_at")
    list_filter = ("created_at", "updated_at")
    search_fields = ("name__folded", "description__folded")


@admin.register(Customer)
class CustomerAdmin(LiveModelAdmin):
    list_display = ("name", "email", "phone", "created_at", "updated_at")
    list_filter = ("created_at", "updated_at")
    search_fields = ("name__folded", "email__folded", "phone__folded")
    inlines = (AcquisitionInline, InteractionInline)


@admin.register(Acquisition)
class AcquisitionAdmin(LiveModelAdmin):
    list_display = ("product", "customer", "quantity", "total_amount", "created_at", "updated_at")
    list_filter = ("created_at", "updated_at")
    list_select_related = ("customer", "product")
    search_fields = ("product__name__folded", "customer__name__folded")
    autocomplete_fields = ("customer", "product")


@admin.register(Interaction)
class InteractionAdmin(LiveModelAdmin):
    list_display = ("type", "customer", "interaction_at", "created_at", "updated_at")
    list_filter = ("type", "interaction_at", "updated_at")
    list_select_related = ("customer",)
    search_fields = ("notes__folded", "customer__name__folded")
    autocomplete_fields = ("customer",)
