"""The dashboard's figures about tickets: what is open, what came and was solved, and who has how much."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import chain, cycle
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from psycopg.sql import quote

from realtime.database.tables import people_table
from realtime.database.words import Word
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
from realtime.live.filters import asked
from realtime.live.local_numbers import local_number
from realtime.live.regions import DayRegion
from realtime.live.zones import midnight, today
from realtime.sight import current_sight, visible_entries
from ticketing.kinds import ATTACHMENT, COMMENT, TICKET
from ticketing.live.lists import PEOPLE
from ticketing.models import Ticket
from ticketing.people import NOBODY, names
from ticketing.words import by_urgency, solved, unsolved

FLOW_DAYS = 30
WEEK = 7
PEOPLE_SHOWN = 8
OTHERS_TOLD = 2
NONE = Q(pk__in=[])
# Of the words after the first, in the order of the chart.
TONES = ("third", "age-2", "age-3", "age-4", "age-1")
# By age in days, the youngest first: the words, the tone, and after how many days the next one begins.
AGES = (
    ("Today", "age-1", 0),
    ("1–6 days", "age-2", 6),
    ("7–29 days", "age-3", 29),
    ("30 days and more", "age-4", None),
)

TITLE = {TICKET.table: frozenset({"title"})}

follow(TICKET)
follow(COMMENT, "a comment on", ("ticket_id", TICKET), TITLE)
follow(ATTACHMENT, "a file of", ("ticket_id", TICKET), TITLE)


def from_solved() -> str:
    """The entries of tickets that were solved: they have a status that isn't open, after one that was.

    That is in the change log alone: a solved ticket may be edited later, which moves its ``updated_at``. The first
    conditions are those of an index (migration 0012).
    """
    told = (
        "from realtime_change where table_name = 'tickets' and op = 'UPDATE'"
        " and (old ->> 'status') is distinct from (new ->> 'status')"
    )
    for side, words in (("old", unsolved()), ("new", solved())):
        values = ", ".join(quote(word.value).replace("%", "%%") for word in words) or "null"
        told += f" and {side} ->> 'status' in ({values})"
    return f"{told} and {visible_entries('realtime_change', [TICKET.table], current_sight())}"


def kept(days: int) -> int:
    """Of so many days, those for which the change log is complete: the retention deletes what is older."""
    limit = settings.REALTIME_RETENTION_DAYS
    # A day less: the clocks may be put back meanwhile.
    return max(1, min(days, int(limit) - 1)) if limit else days


def solved_by_stretch(starts: Sequence[datetime]) -> list[int]:
    """How many tickets were solved in each stretch; one that was solved twice in it counts once."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select width_bucket(at, %s::timestamptz[]) as stretch, count(distinct row_key) {from_solved()}"
            " and at >= %s and at < %s group by stretch",
            [list(starts[:-1]), starts[0], starts[-1]],
        )
        found = dict(cursor.fetchall())
    return [found.get(number, 0) for number in range(1, len(starts))]


def solved_by_person(since: datetime) -> dict[str, int]:
    """How many tickets were solved since then, by the key of whom they were assigned to."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select new ->> 'assigned_to' as person, count(distinct row_key) {from_solved()}"
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


def tickets_with(query: Mapping[str, object]) -> str:
    return f"{reverse(TICKET.list_name)}?{urlencode({name: asked(value) for name, value in query.items()}, doseq=True)}"


@register
class TicketTiles(TicketFigures):
    name = "ticket-tiles"
    template = "live/_tiles.html"
    deciding = frozenset({"status", "priority", "assigned_to"})

    def context(self, params: Params) -> dict[str, Any]:
        first, *others = unsolved() or (Word("", "Open"),)
        most, next_most, *_ = (*by_urgency(), Word("", "Urgent"), Word("", "High"))
        now = Q(status=first.value) if first.value else NONE
        told = Ticket.objects.filter(status__in=[word.value for word in unsolved()]).aggregate(
            open=Count("status", now),
            urgent=Count("status", now & Q(priority=most.value) if most.value else NONE),
            high=Count("status", now & Q(priority=next_most.value) if next_most.value else NONE),
            unassigned=Count("status", now & Q(assigned_to=None)),
            **{f"other_{number}": Count("status", Q(status=word.value)) for number, word in enumerate(others)},
        )
        waiting = [(local_number(told[f"other_{number}"]), word.label.lower()) for number, word in enumerate(others)]
        status = {"status": first.value}
        day = today(timezone.now())
        new = Ticket.objects.filter(created_at__gte=midnight(day)).count()
        [done] = solved_by_stretch(midnights((day, day + timedelta(days=1))))
        return {
            "tiles": (
                Tile(
                    first.label,
                    told["open"],
                    tickets_with(status),
                    format_html_join(", ", "{} {}", waiting[:OTHERS_TOLD]),
                ),
                Tile(
                    most.label,
                    told["urgent"],
                    tickets_with(status | {"priority": most.value}),
                    format_html("{} of {} priority", local_number(told["high"]), next_most.label.lower()),
                    tone="alarm",
                ),
                Tile(
                    "Unassigned",
                    told["unassigned"],
                    tickets_with(status | {"assigned": NOBODY}),
                    f"of the {first.label.lower()} ones",
                ),
                Tile(
                    "New today",
                    new,
                    tickets_with({"created": "today"}),
                    format_html("{} solved today", local_number(done)),
                ),
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
        first = unsolved()[0] if unsolved() else Word("", "Open")
        rows = Ticket.objects.filter(status__in=[word.value for word in unsolved()[:1]]).order_by()
        grouped = rows.annotate(stretch=Stretch("created_at", starts)).values_list("priority", "stretch")
        found = {(priority, stretch): count for priority, stretch, count in grouped.annotate(count=Count("*"))}
        known = {word.value for word in by_urgency()}
        lines = [
            Line(
                word.label,
                tuple(found.get((word.value, stretch), 0) for stretch in range(len(starts), -1, -1)),
                tickets_with({"status": first.value, "priority": word.value}),
            )
            for word in by_urgency()
        ]
        if any(priority not in known for priority, _ in found):
            counts = tuple(
                sum(count for (priority, place), count in found.items() if place == stretch and priority not in known)
                for stretch in range(len(starts), -1, -1)
            )
            lines.append(Line("Other", counts, tickets_with({"status": first.value})))
        series = [Series(words, tone) for words, tone, _ in AGES]
        return {"figures": Figures(f"{first.label} tickets by priority and age", "Priority", series, lines)}


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
    return tickets_with({"created_from": day, "created_to": day})


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
        done = solved_by_person(since)
        words = unsolved()
        values = [word.value for word in words]
        assigned = Ticket.objects.filter(status__in=values, assigned_to__isnull=False).order_by()
        counted = assigned.values_list("assigned_to").annotate(
            **{f"status_{number}": Count("status", Q(status=value)) for number, value in enumerate(values)}
        )
        load = dict.fromkeys(done, (0,) * len(words)) | {str(key): tuple(counts) for key, *counts in counted}
        busiest = sorted(load, key=lambda key: (-sum(load[key]), -done.get(key, 0), key))[:PEOPLE_SHOWN]
        called = names(busiest)
        lines = [
            Line(
                called[key],
                (*load[key], done.get(key, 0)),
                tickets_with({"status": values, "assigned": key}),
            )
            for key in busiest
        ]
        series = (
            *(Series(word.label, tone) for word, tone in zip(words, chain(["first"], cycle(TONES)), strict=False)),
            Series("Solved in 7 days", "second", stack="solved"),
        )
        return {"figures": Figures("Tickets by person", "Person", series, lines)}
