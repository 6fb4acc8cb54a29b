"""What ticketing says about a customer on the CRM's pages."""

from crm.models import Customer
from ticketing.kinds import TICKET
from ticketing.models import Ticket


def ticket_count(customer: Customer) -> tuple[int, str]:
    count = Ticket.objects.filter(customer=customer).count()
    return count, TICKET.singular if count == 1 else TICKET.plural
