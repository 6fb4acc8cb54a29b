"""Fills an empty portal with a year of believable work, the same each time."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from crm.models import Acquisition, Customer, Interaction, Product
from project.accounts.groups import CRM_STAFF, MANAGERS, SUPPORT_AGENTS
from project.accounts.models import User
from project.bulk import bulk_loading
from project.demo import desk
from project.demo.catalogue import article
from project.demo.customers import customer
from realtime.database.actor import Origin, acting_user
from realtime.keys import UUIDS, Key
from realtime.models import LiveModel, RealtimeChange
from realtime.worker.log_readers import read_from_now_on
from ticketing.actions import link_tickets, merge_tickets
from ticketing.models import Attachment, Comment, Ticket, TicketLink
from ticketing.notifying import READER

# How many rows each table begins with; the team at work keeps it near that number.
USUAL: dict[type[LiveModel], int] = {
    Product: 300,
    Customer: 400,
    Acquisition: 1_500,
    Interaction: 2_000,
    Ticket: 3_000,
    Comment: 6_000,
    Attachment: 400,
}

# Of a portal that has been asked for a number of tickets: rows beside each of them. Its catalogue stays as it is.
BESIDE_A_TICKET: dict[type[LiveModel], float] = {
    Customer: 0.3,
    Acquisition: 0.5,
    Interaction: 0.6,
    Comment: 1.5,
    Attachment: 0.1,
}

OPENED = timedelta(days=400)
SOLVED = (Ticket.Status.RESOLVED, Ticket.Status.CLOSED)
# How far back the change log tells of tickets that were solved; it keeps 90 days.
SOLVED_WITHIN = timedelta(days=80)
SOLVING_HOURS = 60
BATCH = 1_000
# So many comments turn to whoever shows the demo.
MENTIONS = 3


def sizes(tickets: int | None = None) -> Mapping[type[LiveModel], int]:
    """How many rows each table begins with, in a portal of the usual size or with that many tickets."""
    if tickets is None:
        return USUAL
    return USUAL | {Ticket: tickets} | {model: round(share * tickets) for model, share in BESIDE_A_TICKET.items()}


class Seeding:
    """Makes rows that were created between the portal's opening and now, oldest first.

    ``staff`` holds the team's keys by group. Who appears to have written the rows is the same on every start.
    """

    def __init__(self, staff: dict[str, list[UUID]], now: datetime | None = None, tickets: int | None = None) -> None:
        self._dice = random.Random(300)
        self._now = now or timezone.now()
        self._sizes = sizes(tickets)
        self._sellers = staff.get(CRM_STAFF, []) + staff.get(MANAGERS, [])
        self._numbers = {model: _next_numbers(model) for model in USUAL}
        self._agents = staff.get(SUPPORT_AGENTS, []) + staff.get(MANAGERS, [])

    def fill(self) -> dict[str, int]:
        """Fills the products if there are none, and everything else if there are no customers.

        Returns how many rows it added to each table. Made-up rows are never mixed with what somebody entered.
        """
        made: dict[str, int] = {}
        before = RealtimeChange.objects.values_list("revision", flat=True).first() or 0
        if not Product.objects.exists():
            made |= self._store(self._sellers, self._products())
        if not Customer.objects.exists():
            products = list(Product.objects.order_by("created_at", "id"))
            customers = self._customers()
            made |= self._store(self._sellers, customers)
            made |= self._store(self._sellers, self._acquisitions(customers, products))
            made |= self._store(self._sellers, self._interactions(customers))
            tickets = self._tickets(customers, products)
            solved = self._unsolve(tickets)
            made |= self._store(self._agents, tickets)
            self._solve(solved)
            comments = self._comments(tickets)
            made |= self._store(self._agents, comments)
            made |= self._store(self._agents, self._attachments(tickets, comments))
        self._date_history(before)
        return made

    def _store(self, writers: Sequence[UUID], rows: Sequence[LiveModel]) -> dict[str, int]:
        """Inserts in batches, each by a different writer, so that the change log shows a team at work.

        What goes beyond the usual number is older than any change log: it is copied past the triggers.
        """
        if not rows:
            return {}
        model = type(rows[0])
        older = max(0, len(rows) - USUAL[model])
        if older:
            _copy(model, rows[:older])
        for number, start in enumerate(range(older, len(rows), BATCH)):
            writer = str(writers[number % len(writers)]) if writers else ""
            with acting_user(writer):
                model._default_manager.bulk_create(rows[start : start + BATCH])
        return {model._meta.db_table: len(rows)}

    def _date_history(self, before: int) -> None:
        """Nobody entered four hundred files at a time, and just now: in the history, each row has its own moment."""
        with connection.cursor() as cursor:
            cursor.execute(
                "update realtime_change set action = %s || md5(revision::text),"
                " at = case op when 'INSERT' then least(at, (new ->> 'created_at')::timestamptz) else at end"
                " where action is not null and revision > %s",
                [f"{Origin.PORTAL}:", before],
            )

    def _products(self) -> list[Product]:
        products = []
        for created in self._times(self._sizes[Product]):
            found = article(self._dice)
            products.append(
                Product(
                    id=self._key(Product),
                    name=found.name,
                    description=found.description,
                    price=found.price,
                    created_at=created,
                )
            )
        return products

    def _customers(self) -> list[Customer]:
        customers: list[Customer] = []
        names: set[str] = set()
        for created in self._times(self._sizes[Customer]):
            # Namesakes exist, but drawing from so few words would make too many of them.
            drawn = [customer(self._dice) for _ in range(4)]
            found = next((one for one in drawn if one.name not in names), drawn[0])
            names.add(found.name)
            customers.append(
                Customer(
                    id=self._key(Customer), name=found.name, email=found.email, phone=found.phone, created_at=created
                )
            )
        return customers

    def _acquisitions(self, customers: list[Customer], products: list[Product]) -> list[Acquisition]:
        acquisitions = []
        for created in self._times(self._sizes[Acquisition]):
            buyer, product = self._one_known_at(created, customers), self._dice.choice(products)
            quantity = self._dice.choices((1, 2, 4, 6, 12, 40, 250), weights=(40, 20, 15, 10, 8, 5, 2))[0]
            acquisitions.append(
                Acquisition(
                    id=self._key(Acquisition),
                    customer=buyer,
                    product=product,
                    quantity=quantity,
                    total_amount=product.price * quantity,
                    created_at=created,
                )
            )
        return acquisitions

    def _interactions(self, customers: list[Customer]) -> list[Interaction]:
        interactions = []
        for at in self._times(self._sizes[Interaction]):
            kind, notes = desk.interaction(self._dice)
            # Written down within the day, rarely at once.
            created = min(self._now, at + timedelta(minutes=self._dice.randrange(600)))
            interactions.append(
                Interaction(
                    id=self._key(Interaction),
                    customer=self._one_known_at(at, customers),
                    type=kind,
                    notes=notes,
                    interaction_at=at,
                    created_at=created,
                )
            )
        return interactions

    def _tickets(self, customers: list[Customer], products: list[Product]) -> list[Ticket]:
        tickets = []
        for created in self._times(self._sizes[Ticket]):
            wish = desk.request(self._dice, self._dice.choice(products).name.split(",")[0])
            anonymous = self._dice.random() < 0.05
            tickets.append(
                Ticket(
                    id=self._key(Ticket),
                    title=wish.title,
                    description=wish.description,
                    status=self._status_of_age(self._now - created),
                    priority=wish.priority,
                    customer=None if anonymous else self._one_known_at(created, customers),
                    assigned_to=self._assignee(),
                    created_at=created,
                )
            )
        return tickets

    def _unsolve(self, tickets: list[Ticket]) -> dict[Ticket, str]:
        """Opens again those of the last months that are solved, and returns what they are to become."""
        since = self._now - SOLVED_WITHIN
        solved = {ticket: ticket.status for ticket in tickets if ticket.created_at > since and ticket.status in SOLVED}
        for ticket in solved:
            ticket.status = Ticket.Status.OPEN
        return solved

    def _solve(self, solved: dict[Ticket, str]) -> None:
        """Solves tickets, each some time after it came: the change log says so, and the dashboard counts by it."""
        dice = random.Random(301)
        moments = []
        done: defaultdict[tuple[str, str], list[Key]] = defaultdict(list)
        for ticket, status in solved.items():
            done[str(dice.choice(self._agents) if self._agents else ""), status].append(ticket.pk)
            after = timedelta(hours=dice.expovariate(1 / SOLVING_HOURS))
            moments.append(min(self._now, ticket.created_at + after))
        for (agent, status), keys in done.items():
            with acting_user(agent):
                Ticket.objects.filter(pk__in=keys).update(status=status)
        with connection.cursor() as cursor:
            cursor.execute(
                "update realtime_change set at = told.at from unnest(%s::text[], %s::timestamptz[]) as told (key, at)"
                " where table_name = 'tickets' and op = 'UPDATE' and row_key = told.key",
                [[str(ticket.pk) for ticket in solved], moments],
            )

    def _comments(self, tickets: list[Ticket]) -> list[Comment]:
        """Conversations of very different lengths: most are short, a few are too long for anybody to read."""
        comments: list[Comment] = []
        talkative = [min(15.0, self._dice.paretovariate(1.3)) for _ in tickets]
        for ticket in self._dice.choices(tickets, weights=talkative, k=self._sizes[Comment]):
            age = self._now - ticket.created_at
            comments.append(
                Comment(
                    id=self._key(Comment),
                    ticket=ticket,
                    author_id=self._author(),
                    content=desk.comment(self._dice),
                    created_at=ticket.created_at + min(age, timedelta(days=14)) * self._dice.random(),
                )
            )
        return sorted(comments, key=lambda comment: comment.created_at)

    def _attachments(self, tickets: list[Ticket], comments: list[Comment]) -> list[Attachment]:
        attachments = []
        for _ in range(self._sizes[Attachment]):
            comment = self._dice.choice(comments) if self._dice.random() < 0.4 else None
            ticket = comment.ticket if comment else self._dice.choice(tickets)
            found = desk.file(self._dice)
            attachments.append(
                Attachment(
                    id=self._key(Attachment),
                    ticket=ticket,
                    comment=comment,
                    file_name=found.name,
                    file_url=found.url,
                    file_type=found.type,
                    file_size=found.size,
                    created_at=(comment or ticket).created_at,
                )
            )
        return sorted(attachments, key=lambda attachment: attachment.created_at)

    def _key(self, model: type[LiveModel]) -> Key:
        return self._person() if UUIDS else next(self._numbers[model])

    def _person(self) -> UUID:
        return UUID(int=self._dice.getrandbits(128), version=4)

    def _times(self, count: int) -> Iterator[datetime]:
        """This many moments between the opening and now, in order, slightly irregular."""
        step = OPENED / count
        for number in range(count):
            yield self._now - OPENED + step * (number + self._dice.random())

    def _one_known_at(self, moment: datetime, customers: list[Customer]) -> Customer:
        """A customer who existed by then; earlier ones come up more often."""
        share = (moment - (self._now - OPENED)) / OPENED
        known = max(1, int(len(customers) * share))
        return customers[int(known * self._dice.random() ** 1.5)]

    def _status_of_age(self, age: timedelta) -> str:
        # Weights of open, pending, resolved and closed.
        if age < timedelta(days=7):
            weights = (50, 30, 15, 5)
        elif age < timedelta(days=60):
            weights = (8, 10, 22, 60)
        else:
            weights = (1, 1, 8, 90)
        return str(self._dice.choices([*Ticket.Status], weights=weights)[0])

    def _assignee(self) -> UUID | None:
        """One of the desk's people, nobody, or now and then somebody only another system knows."""
        return self._somebody(nobody=0.15, unknown=0.01)

    def _author(self) -> UUID | None:
        return self._somebody(nobody=0.02, unknown=0.02)

    def _somebody(self, nobody: float, unknown: float) -> UUID | None:
        drawn, key = self._dice.random(), self._person()
        if drawn < nobody or not self._agents:
            return None
        return key if drawn < nobody + unknown else self._dice.choice(self._agents)


def _next_numbers(model: type[LiveModel]) -> Iterator[int]:
    """Keys that the table itself would give next."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "select nextval(pg_get_serial_sequence(%s, 'id')) from generate_series(1, %s)",
                [model._meta.db_table, BATCH],
            )
            numbers = [number for (number,) in cursor.fetchall()]
        yield from numbers


def _copy(model: type[LiveModel], rows: Sequence[LiveModel]) -> None:
    """Inserts rows that nobody has touched since they were created, many times as fast as one by one."""
    table = model._meta.db_table
    columns = [field.attname for field in model._meta.concrete_fields if field.name not in ("updated_at", "revision")]
    with connection.cursor() as cursor:
        cursor.execute("select nextval('realtime_revision') from generate_series(1, %s)", [len(rows)])
        revisions = [number for (number,) in cursor.fetchall()]
        with (
            bulk_loading(cursor, table),
            cursor.copy(f"copy {table} ({', '.join(columns)}, updated_at, revision) from stdin") as copy,
        ):
            for row, revision in zip(rows, revisions, strict=True):
                copy.write_row([*(getattr(row, column) for column in columns), row.created_at, revision])


def address_somebody(user: User) -> None:
    """Has the team turn to somebody, so that the bell isn't empty: they are told when the worker starts.

    Not in the transaction that has filled the portal: all of that is no news.
    """
    read_from_now_on(READER)
    # Neither the very newest nor older than the change log.
    comments = Comment.objects.filter(author_id__in=User.objects.values("pk"), ticket__status=Ticket.Status.PENDING)
    for comment in comments.order_by("-created_at", "-id")[20 : 20 + MENTIONS]:
        with acting_user(str(comment.author_id)):
            Comment.objects.filter(pk=comment.pk).update(content=f"{comment.content} @{user.username}")
    for ticket in Ticket.objects.filter(assigned_to=None).order_by("-created_at", "-id")[5:6]:
        with acting_user(str(comments.values_list("author_id", flat=True).first() or "")):
            Ticket.objects.filter(pk=ticket.pk).update(assigned_to=user.pk)


def join_some_tickets() -> None:
    """Links a few tickets and merges one into another, so that both can be seen before somebody does it.

    Not the newest, which are what tests and visitors look at first.
    """
    found = list(Ticket.objects.filter(status=Ticket.Status.PENDING).order_by("-created_at", "-id")[20:25])
    people = [str(key) for key in Comment.objects.values_list("author_id", flat=True).distinct()[:1] if key]
    if len(found) < 5 or not people:
        return
    first, related, duplicate, source, target = found
    with acting_user(people[0]):
        link_tickets(first.pk, related.pk, TicketLink.Kind.RELATED, UUID(people[0]))
        link_tickets(duplicate.pk, first.pk, TicketLink.Kind.DUPLICATE, UUID(people[0]))
        merge_tickets(source.pk, target.pk)
