"""What can be imported: the kind, the form that knows its rules, and what headings its fields go by elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass

from django import forms
from django.db.models import Field

from crm.forms import CustomerForm, ProductForm
from crm.kinds import CUSTOMER, PRODUCT
from realtime.live.kind import Kind
from realtime.pages.live_form import LiveModelForm
from realtime.sight import hidden_columns

# Not a field of a form: it says which row of the list a row of the file belongs to.
KEY = "id"


@dataclass(frozen=True, slots=True)
class Importable:
    kind: Kind
    form: type[LiveModelForm]
    # In lower case; the fields' own names and those of an exported list are among them.
    headings: Mapping[str, tuple[str, ...]]

    @property
    def fields(self) -> dict[str, forms.Field]:
        """The form's fields in its order, without the revision and what whoever imports may not see."""
        fields: dict[str, forms.Field] = self.form.base_fields
        hidden = hidden_columns(self.kind.table)
        return {name: field for name, field in fields.items() if not field.widget.is_hidden and name not in hidden}

    @property
    def labels(self) -> dict[str, str]:
        """What pages call the fields, the key first."""
        return {KEY: "Key"} | {name: str(field.label) for name, field in self.fields.items()}

    @property
    def needed(self) -> list[str]:
        """The fields that a new row can't do without: the model has no default for them."""
        found = ((name, self.kind.model._meta.get_field(name)) for name, field in self.fields.items() if field.required)
        return [name for name, column in found if isinstance(column, Field) and not column.has_default()]


CUSTOMERS = Importable(
    CUSTOMER,
    CustomerForm,
    {
        KEY: ("key",),
        "name": ("name", "customer", "customer name", "full name", "company", "contact"),
        "email": ("email", "e-mail", "mail", "email address", "e-mail address"),
        "phone": ("phone", "phone number", "telephone", "tel", "mobile", "telefon", "téléphone", "teléfono"),
    },
)
PRODUCTS = Importable(
    PRODUCT,
    ProductForm,
    {
        KEY: ("key",),
        "name": ("name", "product", "product name", "title", "item", "article"),
        "description": ("description", "details", "notes", "text"),
        "price": ("price", "unit price", "amount", "list price"),
    },
)

IMPORTABLE = {importable.kind.plural: importable for importable in (PRODUCTS, CUSTOMERS)}
