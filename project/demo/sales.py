"""The demo's sales people: they handle customers, purchases, conversations and the catalogue."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from django.utils import timezone

from crm.models import Acquisition, Customer, Interaction, Product
from project.accounts.groups import CRM_STAFF, MANAGERS
from project.accounts.models import User
from project.demo import desk
from project.demo.catalogue import article
from project.demo.customers import customer
from project.demo.work import Chore, Department, NothingToDo, named

CENT = Decimal("0.01")
HIGHEST_PRICE = Decimal("9999999999.99")
NOTES = ("Back in stock.", "Last pieces.", "New supplier since this quarter.", "Delivery takes two weeks.")
DISCONTINUED = " (discontinued)"


class Sales(Department):
    groups = (CRM_STAFF, MANAGERS)

    def chores(self) -> Sequence[tuple[float, Chore]]:
        return (
            (20, self._sell_or_cancel),
            (20, self._note_or_archive),
            (8, self._welcome_or_part),
            (12, self._correct_contact),
            (6, self._change_quantity),
            (6, self._add_or_withdraw),
            (16, self._reprice),
            (8, self._describe),
            (4, self._rename),
        )

    def _sell_or_cancel(self, colleague: User) -> str:
        if not self.grows(Acquisition):
            sold = self.expendable(colleague, Acquisition.objects.all())
            told = named(sold)
            sold.delete()
            return f"cancelled {told}"
        product = self.recent(Product.objects.all(), spread=60)
        quantity = self.dice.choice((1, 1, 1, 2, 4, 6, 12))
        sold = Acquisition.objects.create(
            customer=self._someone(), product=product, quantity=quantity, total_amount=product.price * quantity
        )
        return f"added {named(sold)}"

    def _change_quantity(self, colleague: User) -> str:
        sold = self.recent(Acquisition.objects.all())
        sold.quantity = max(1, min(250, sold.quantity + self.dice.choice((-2, -1, 1, 2, 4))))
        sold.total_amount = sold.product.price * sold.quantity
        sold.save(update_fields=["quantity", "total_amount"])
        return f"changed the quantity of {named(sold)}"

    def _note_or_archive(self, colleague: User) -> str:
        if not self.grows(Interaction):
            oldest = self.expendable(colleague, Interaction.objects.order_by("interaction_at", "id"))
            told = named(oldest)
            oldest.delete()
            return f"archived {told}"
        kind, notes = desk.interaction(self.dice)
        interaction = Interaction.objects.create(
            customer=self._someone(), type=kind, notes=notes, interaction_at=timezone.now()
        )
        return f"added {named(interaction)}"

    def _welcome_or_part(self, colleague: User) -> str:
        if not self.grows(Customer):
            free = Customer.objects.filter(acquisitions=None, interactions=None, tickets=None)
            leaving = self.expendable(colleague, free)
            told = named(leaving)
            leaving.delete()
            return f"removed {told}, who never bought anything"
        found = customer(self.dice)
        welcomed = Customer.objects.create(name=found.name, email=found.email, phone=found.phone)
        return f"welcomed {named(welcomed)}"

    def _correct_contact(self, colleague: User) -> str:
        someone, found = self._someone(), customer(self.dice)
        column = self.dice.choice(("email", "phone"))
        setattr(someone, column, getattr(found, column))
        someone.save(update_fields=[column])
        return f"corrected the {column} of {named(someone)}"

    def _add_or_withdraw(self, colleague: User) -> str:
        if not self.grows(Product):
            leaving = self.expendable(colleague, Product.objects.filter(acquisitions=None))
            told = named(leaving)
            leaving.delete()
            return f"withdrew {told}"
        found = article(self.dice)
        added = Product.objects.create(name=found.name, description=found.description, price=found.price)
        return f"added {named(added)}"

    def _reprice(self, colleague: User) -> str:
        """A few percent up or down, as the market moves."""
        product = self.recent(Product.objects.all())
        factor = Decimal(self.dice.choice((92, 95, 97, 98, 102, 103, 105, 108))) / 100
        product.price = min(HIGHEST_PRICE, (product.price * factor).quantize(CENT, ROUND_HALF_UP))
        product.save(update_fields=["price"])
        return f"changed the price of {named(product)}"

    def _describe(self, colleague: User) -> str:
        product = self.recent(Product.objects.all())
        base = product.description
        for note in NOTES:
            base = base.removesuffix(note).rstrip()
        product.description = f"{base} {self.dice.choice((*NOTES, ''))}".strip()
        product.save(update_fields=["description"])
        return f"described {named(product)}"

    def _rename(self, colleague: User) -> str:
        product = self.recent(Product.objects.all())
        current = product.name.removesuffix(DISCONTINUED)
        product.name = current if current != product.name else current[: 500 - len(DISCONTINUED)] + DISCONTINUED
        product.save(update_fields=["name"])
        return f"renamed {named(product)}"

    def _someone(self) -> Customer:
        """Some customer: now and then a new one, usually any."""
        if self.dice.random() < 0.3:
            return self.recent(Customer.objects.all())
        key = Customer.objects.order_by("?").values_list("pk", flat=True).first()
        if key is None:
            raise NothingToDo
        return Customer.objects.select_for_update().get(pk=key)
