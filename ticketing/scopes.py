"""Which tickets and customers a group may be limited to (docs/PERMISSIONS.md). Both are decided by who has a ticket."""

from crm.kinds import CUSTOMER
from realtime.sight import Scope, register_scope
from ticketing.kinds import TICKET

ASSIGNEE = {TICKET.table: frozenset({"assigned_to"})}
ASSIGNEE_AND_CUSTOMER = {TICKET.table: frozenset({"assigned_to", "customer_id"})}
OF_MINE = "(select own.customer_id from tickets as own where own.assigned_to = {person})"

register_scope(Scope(TICKET.table, "mine", "only their own", "{row}.assigned_to = {person}", ASSIGNEE))
register_scope(
    Scope(
        TICKET.table,
        "unassigned-and-mine",
        "their own and unassigned ones",
        "({row}.assigned_to is null or {row}.assigned_to = {person})",
        ASSIGNEE,
    )
)
register_scope(
    Scope(
        TICKET.table,
        "of-my-customers",
        "their own, and all of the customers of those",
        "({row}.assigned_to = {person} or {row}.customer_id in " + OF_MINE + ")",
        ASSIGNEE_AND_CUSTOMER,
        by_row=False,
    )
)
register_scope(
    Scope(
        CUSTOMER.table,
        "mine",
        "only those with a ticket of their own",
        "{row}.id in " + OF_MINE,
        ASSIGNEE_AND_CUSTOMER,
        by_row=False,
    )
)
