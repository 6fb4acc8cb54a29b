from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from crm.chooser import ChooserField
from crm.kinds import CUSTOMER, PRODUCT
from crm.models import EARLIEST, LARGEST_TOTAL, LATEST, Acquisition, Customer, Interaction, Product
from realtime.live.zones import current_zone
from realtime.pages.live_form import LiveModelForm
from realtime.pages.local_times import LocalTimeField
from realtime.sight import hidden_columns, seeing

ONE_LINE = {"autocomplete": "off", "dir": "auto"}
AMOUNT = {"min": 0, "step": "0.01", "inputmode": "decimal"}


class ProductForm(LiveModelForm):
    class Meta:
        model = Product
        fields = ("name", "description", "price")
        widgets = {
            "name": forms.TextInput(attrs=ONE_LINE),
            "description": forms.Textarea(attrs={"rows": 6, "dir": "auto"}),
            "price": forms.NumberInput(attrs=AMOUNT),
        }


class CustomerForm(LiveModelForm):
    class Meta:
        model = Customer
        fields = ("name", "email", "phone")
        widgets = {
            "name": forms.TextInput(attrs=ONE_LINE),
            "email": forms.EmailInput(attrs=ONE_LINE),
            "phone": forms.TextInput(attrs=ONE_LINE | {"inputmode": "tel"}),
        }


class CustomerField(ChooserField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(CUSTOMER, **kwargs)


class AcquisitionForm(LiveModelForm):
    customer = CustomerField()
    product = ChooserField(PRODUCT)

    class Meta:
        model = Acquisition
        fields = ("customer", "product", "quantity", "total_amount")
        widgets = {
            "quantity": forms.NumberInput(attrs={"min": 1, "step": 1, "inputmode": "numeric"}),
            "total_amount": forms.NumberInput(attrs=AMOUNT),
        }
        help_texts = {"total_amount": "Left empty, it is the product’s price times the quantity."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "total_amount" not in self.fields:
            return
        if "price" in hidden_columns(PRODUCT.table):
            # The total would tell it.
            self.fields["total_amount"].help_text = ""
        self.fields["total_amount"].required = False
        if self.instance._state.adding:
            # The model's default of 0 would fill the field, which may stay empty.
            self.fields["total_amount"].initial = None

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        if "total_amount" not in self.fields:
            if self.instance._state.adding:
                self._multiply_unseen(told)
            return told
        is_left = "total_amount" in self._untouched or "total_amount" in self.errors
        if told.get("total_amount") is None and not is_left:
            self._multiply(told)
        return told

    def _multiply_unseen(self, told: dict[str, Any]) -> None:
        """Whoever may not see totals can't enter one, either."""
        product, quantity = told.get("product"), told.get("quantity")
        if not product or not quantity:
            return
        with seeing(None):
            price = Product.objects.filter(pk=product.pk).values_list("price", flat=True).first() or Decimal(0)
        if price * quantity >= LARGEST_TOTAL:
            self.add_error("quantity", "So many of this product are more than the largest total.")
            return
        self.instance.total_amount = price * quantity

    def _multiply(self, told: dict[str, Any]) -> None:
        product, quantity = told.get("product"), told.get("quantity")
        if not product or not quantity:
            return
        if product.price is None:
            # The price in the database isn't a number: see realtime.database.values.
            self.add_error("total_amount", "This product has no price, so the total can’t be worked out. Enter it.")
            return
        total: Decimal = product.price * quantity
        try:
            told["total_amount"] = self.fields["total_amount"].clean(str(total))
        except ValidationError:
            self.add_error("total_amount", f"{quantity} × {product.price} is more than the largest total.")


class InteractionForm(LiveModelForm):
    customer = CustomerField()
    interaction_at = LocalTimeField(
        label="When", initial=timezone.now, validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)]
    )

    class Meta:
        model = Interaction
        fields = ("customer", "type", "interaction_at", "notes")
        widgets = {"notes": forms.Textarea(attrs={"rows": 6, "dir": "auto"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A time that is shown again is still in the zone that it was typed in.
        zone = self["interaction_at"].data.zone if self.is_bound else current_zone()
        told = "Times are in UTC." if zone == "UTC" else f"In your time zone ({zone})."
        self.fields["interaction_at"].help_text = told
