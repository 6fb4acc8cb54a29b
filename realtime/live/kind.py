"""A kind of row: its names, from which its addresses, templates and permissions follow."""

from dataclasses import dataclass

from django.db.models import Model

from realtime.models import LiveModel


@dataclass(frozen=True, slots=True)
class Kind:
    """``Kind(Product, "product", "products")``: pages at crm:products…, templates in crm/products/.

    The names are lower case and used in sentences as they are; ``icon`` is a vendored Lucide name.

    ``chosen_by`` are the columns that a chooser of its rows searches, the name first; without them there is none.
    ``told_apart_by`` is the column that choosers show beside the name: namesakes differ in it.
    """

    model: type[LiveModel]
    singular: str
    plural: str
    icon: str = "package-open"
    chosen_by: tuple[str, ...] = ()
    told_apart_by: str = ""

    @property
    def app(self) -> str:
        return self.model._meta.app_label

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def templates(self) -> str:
        return f"{self.app}/{self.plural}"

    @property
    def list_name(self) -> str:
        return f"{self.app}:{self.plural}"

    @property
    def export_name(self) -> str:
        return f"{self.app}:{self.plural}-csv"

    @property
    def choices_name(self) -> str:
        return f"{self.app}:{self.plural}-choices"

    @property
    def sheet_name(self) -> str:
        return f"{self.app}:{self.plural}-xlsx"

    @property
    def import_name(self) -> str:
        """The page that takes a file; not every kind has one."""
        return f"{self.app}:{self.plural}-import"

    @property
    def detail_name(self) -> str:
        return f"{self.app}:{self.singular}"

    @property
    def create_name(self) -> str:
        return f"{self.app}:{self.singular}-create"

    @property
    def edit_name(self) -> str:
        return f"{self.app}:{self.singular}-edit"

    @property
    def delete_name(self) -> str:
        return f"{self.app}:{self.singular}-delete"

    def permission(self, verb: str) -> str:
        """``verb`` is Django's: view, add, change or delete."""
        return f"{self.app}.{verb}_{model_name(self.model)}"


def model_name(model: type[Model]) -> str:
    return str(model._meta.model_name)
