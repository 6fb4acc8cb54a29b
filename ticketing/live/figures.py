"""The dashboard's figures about tickets: what is open, what came and was solved, and who has how much."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone

from realtime.database.tables import people_table
from realtime.live.activity import follow
from realtime.live.definition import Concern, Params, register
from realtime.live.figures import (
    Figures,
    Line,
    Series,
    Stretch,
    Tile,
    by_stretch,
    last_days,
    midnights,
    short_day,
)
from realtime.live.regions import DayRegion
from realtime.live.zones import midnight, today
from ticketing.kinds import ATTACHMENT, COMMENT, TICKET
from ticketing.live.lists import PEOPLE
from ticketing.models import Ticket
from ticketing.people import NOBODY, names

FLOW_DAYS = 30
WEEK = 7
PEOPLE_SHOWN = 8
UNSOLVED = (Ticket.Status.OPEN, Ticket.Status.PENDING)
# The most urgent first.
URGENCY = (Ticket.Priority.URGENT, Ticket.Priority.HIGH, Ticket.Priority.NORMAL, Ticket.Priority.LOW)
# By age in days, the youngest first: the words, the tone, and after how many days the next one begins.
AGES = (
    ("Today", "age-1", 0),
    ("1–6 days", "age-2", 6),
    ("7–29 days", "age-3", 29),
    ("30 days and more", "age-4", None),
)

# A ticket is solved when it becomes resolved or closed after it was neither. That is in the change log alone: a solved
# ticket may be edited later, which moves its `updated_at`. The condition is that of the index (migration 0005).
SOLVED = """
from realtime_change
where table_name = 'tickets' and op = 'UPDATE' and old ->> 'status' in ('open', 'pending')
  and new ->> 'status' in ('resolved', 'closed')
"""
TITLE = {TICKET.table: frozenset({"title"})}

follow(TICKET)
follow(COMMENT, "a comment on", ("ticket_id", TICKET), TITLE)
follow(ATTACHMENT, "a file of", ("ticket_id", TICKET), TITLE)


def kept(days: int) -> int:
    """Of so many days, those for which the change log is complete: the retention deletes what is older."""
    limit = settings.REALTIME_RETENTION_DAYS
    # A day less: the clocks may be put back meanwhile.
    return max(1, min(days, int(limit) - 1)) if limit else days


def solved_by_stretch(starts: Sequence[datetime]) -> list[int]:
    """How many tickets were solved in each stretch; one that was solved twice in it counts once."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select width_bucket(at, %s::timestamptz[]) as stretch, count(distinct row_key) {SOLVED}"
            " and at >= %s and at < %s group by stretch",
            [list(starts[:-1]), starts[0], starts[-1]],
        )
        found = dict(cursor.fetchall())
    return [found.get(number, 0) for number in range(1, len(starts))]


def solved_by_person(since: datetime) -> dict[str, int]:
    """How many tickets were solved since then, by the key of whom they were assigned to."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select new ->> 'assigned_to' as person, count(distinct row_key) {SOLVED}"
            " and at >= %s and new ->> 'assigned_to' is not null group by person",
            [since],
        )
        return dict(cursor.fetchall())


class TicketFigures(DayRegion):
    permission = TICKET.permission("view")
    tables = frozenset({TICKET.table})
    # The columns that decide its figures.
    deciding: ClassVar[frozenset[str]]

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {TICKET.table: Concern(self.deciding)}


def tickets_with(query: str) -> str:
    return f"{reverse(TICKET.list_name)}?{query}"


@register
class TicketTiles(TicketFigures):
    name = "ticket-tiles"
    template = "live/_tiles.html"
    deciding = frozenset({"status", "priority", "assigned_to"})

    def context(self, params: Params) -> dict[str, Any]:
        told = Ticket.objects.filter(status__in=UNSOLVED).aggregate(
            open=Count("status", Q(status=Ticket.Status.OPEN)),
            pending=Count("status", Q(status=Ticket.Status.PENDING)),
            urgent=Count("status", Q(status=Ticket.Status.OPEN, priority=Ticket.Priority.URGENT)),
            high=Count("status", Q(status=Ticket.Status.OPEN, priority=Ticket.Priority.HIGH)),
            unassigned=Count("status", Q(status=Ticket.Status.OPEN, assigned_to=None)),
        )
        day = today(timezone.now())
        new = Ticket.objects.filter(created_at__gte=midnight(day)).count()
        [solved] = solved_by_stretch(midnights((day, day + timedelta(days=1))))
        return {
            "tiles": (
                Tile("Open", told["open"], tickets_with("status=open"), f"{told['pending']:,} pending"),
                Tile(
                    "Urgent",
                    told["urgent"],
                    tickets_with("status=open&priority=urgent"),
                    f"{told['high']:,} of high priority",
                    tone="alarm",
                ),
                Tile(
                    "Unassigned", told["unassigned"], tickets_with(f"status=open&assigned={NOBODY}"), "of the open ones"
                ),
                Tile("New today", new, tickets_with("created=today"), f"{solved:,} solved today"),
            )
        }


@register
class TicketQueue(TicketFigures):
    """The open tickets by priority and age."""

    name = "ticket-queue"
    template = "live/_figures.html"
    deciding = frozenset({"status", "priority"})

    def context(self, params: Params) -> dict[str, Any]:
        day = today(timezone.now())
        starts = midnights(day - timedelta(days=days) for _, _, days in reversed(AGES) if days is not None)
        rows = Ticket.objects.filter(status=Ticket.Status.OPEN).order_by()
        grouped = rows.annotate(stretch=Stretch("created_at", starts)).values_list("priority", "stretch")
        found = {(priority, stretch): count for priority, stretch, count in grouped.annotate(count=Count("*"))}
        lines = [
            Line(
                str(priority.label),
                tuple(found.get((priority.value, stretch), 0) for stretch in range(len(starts), -1, -1)),
                tickets_with(f"status=open&priority={priority.value}"),
            )
            for priority in URGENCY
        ]
        series = [Series(words, tone) for words, tone, _ in AGES]
        return {"figures": Figures("Open tickets by priority and age", "Priority", series, lines)}


@register
class TicketFlow(TicketFigures):
    """Tickets that came, and tickets that were solved, day by day."""

    name = "ticket-flow"
    template = "live/_figures.html"
    deciding = frozenset({"status"})

    def context(self, params: Params) -> dict[str, Any]:
        day = today(timezone.now())
        days = last_days(day, kept(FLOW_DAYS))
        starts = midnights((*days, day + timedelta(days=1)))
        created, solved = by_stretch(Ticket.objects.all(), "created_at", starts), solved_by_stretch(starts)
        lines = [
            Line(short_day(each), (came, went), _created_on(each))
            for each, came, went in zip(days, created, solved, strict=True)
        ]
        series = (Series("Created", "first"), Series("Solved", "second"))
        return {"figures": Figures("Tickets created and solved, by day", "Day", series, lines)}


def _created_on(day: date) -> str:
    return tickets_with(f"created_from={day}&created_to={day}")


@register
class TicketPeople(TicketFigures):
    """Who has the most tickets to solve, and how many each has solved this week."""

    name = "ticket-people"
    template = "live/_figures.html"
    tables = frozenset({TICKET.table, *PEOPLE})
    deciding = frozenset({"status", "assigned_to"})

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {**super().concerns(params), people_table(): Concern()}

    def context(self, params: Params) -> dict[str, Any]:
        since = midnight(today(timezone.now()) - timedelta(days=kept(WEEK) - 1))
        solved = solved_by_person(since)
        assigned = Ticket.objects.filter(status__in=UNSOLVED, assigned_to__isnull=False).order_by()
        counted = assigned.values_list("assigned_to").annotate(
            open=Count("status", Q(status=Ticket.Status.OPEN)), pending=Count("status", Q(status=Ticket.Status.PENDING))
        )
        load = dict.fromkeys(solved, (0, 0)) | {str(key): (open_, pending) for key, open_, pending in counted}
        busiest = sorted(load, key=lambda key: (-sum(load[key]), -solved.get(key, 0), key))[:PEOPLE_SHOWN]
        called = names(busiest)
        lines = [
            Line(
                called[key],
                (*load[key], solved.get(key, 0)),
                tickets_with(f"status=open&status=pending&assigned={key}"),
            )
            for key in busiest
        ]
        series = (
            Series("Open", "first"),
            Series("Pending", "third"),
            Series("Solved in 7 days", "second", stack="solved"),
        )
        return {"figures": Figures("Tickets by person", "Person", series, lines)}
