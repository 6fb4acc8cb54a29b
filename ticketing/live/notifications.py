"""What somebody was told of: the bell on every page, and the page with all of it. Each is for one person alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from realtime.database.tables import people_table
from realtime.live.definition import Concern, Pace, Params, register
from realtime.live.people import is_key, known_names
from realtime.live.regions import LiveRegion
from realtime.live.rendering import fragment
from realtime.live.snapshot import Snapshot
from ticketing.kinds import TICKET
from ticketing.models import Notification
from ticketing.notifying import SEES_COMMENTS, SEES_TICKETS, Kind, shown_to
from ticketing.people import UNKNOWN

IN_THE_BELL = 8
ON_A_PAGE = 30
# Nobody reads a longer number.
COUNT_LIMIT = 99
OUTSIDE = "Somebody outside the portal"
TABLE = Notification._meta.db_table
ICONS = {Kind.MENTION: "at-sign", Kind.ASSIGNED: "user-check", Kind.REPLY: "message-circle"}
# Before the ticket's title, and behind it.
DID = {
    Kind.MENTION: ("mentioned you in", ""),
    Kind.ASSIGNED: ("assigned", "to you"),
    Kind.REPLY: ("commented on", ""),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One notification in words."""

    key: int
    ticket: str
    who: str
    did: str
    to: str
    title: str
    icon: str
    at: datetime
    is_read: bool

    @property
    def url(self) -> str:
        """Opens what it tells of, and marks it as read."""
        return reverse("notification", args=[self.key])


class Personal(LiveRegion):
    """A region of one person's notifications. ``comments`` says whether its person may see comments.

    What comes after ``newest`` is none of what somebody marks as read on a page.
    """

    permission = SEES_TICKETS[0]
    # A hidden tab counts in its title, and shows notifications of the browser.
    pace = Pace(hidden=True)
    # Which tickets its person may see decides what they are told of.
    tables = frozenset({TABLE, TICKET.table})

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"person": str(UUID(str(raw["person"]))), "comments": bool(raw["comments"])}

    def reader(self, params: Params) -> str:
        return str(params["person"])

    def permissions(self, params: Params) -> frozenset[str]:
        return frozenset(SEES_COMMENTS if params["comments"] else SEES_TICKETS)

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {TABLE: Concern(frozenset(), coming=False)}

    def snapshot(self, params: Params) -> Snapshot:
        context = self.context(params)
        # The person stands for all of their rows: the log says whose rows changed, not which.
        keys = {(TABLE, params["person"]), *((TICKET.table, told.ticket) for told in context.get("entries", ()))}
        return Snapshot(parts={"body": fragment(self.template, context)}, keys=frozenset(keys))

    def context(self, params: Params) -> dict[str, Any]:
        mine = shown_to(params["person"], params["comments"])
        count = mine.filter(read_at=None).order_by()[: COUNT_LIMIT + 1].count()
        return {"unread": count, "unread_text": f"{COUNT_LIMIT}+" if count > COUNT_LIMIT else str(count)}


@register
class Bell(Personal):
    """How many are unread."""

    name = "bell"
    template = "ticketing/notifications/_bell.html"


class Entries(Personal):
    """Some of the notifications, which name people and tickets."""

    tables = frozenset({TABLE, TICKET.table, people_table()})

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {
            **super().concerns(params),
            TICKET.table: Concern(frozenset(), coming=False, shown=frozenset({"title"})),
            people_table(): Concern(),
        }


@register
class Newest(Entries):
    """What the bell opens."""

    name = "newest-notifications"
    template = "ticketing/notifications/_newest.html"

    def context(self, params: Params) -> dict[str, Any]:
        entries = in_words(shown_to(params["person"], params["comments"]).select_related("ticket")[:IN_THE_BELL])
        return super().context(params) | {"entries": entries, "newest": entries[0].key if entries else 0}


@register
class Notifications(Entries):
    """A page of all of them, of one kind or only the unread ones; pages are by key."""

    name = "notifications"
    template = "ticketing/notifications/_list.html"

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        """Raises ValueError for a kind that there isn't, and for a place that is no number."""
        kind = str(raw.get("kind") or "")
        return super().normalise(raw) | {
            "kind": str(Kind(kind)) if kind else "",
            "unread": bool(raw.get("unread")),
            "before": min(max(int(raw.get("before") or 0), 0), 2**63 - 1),
        }

    def context(self, params: Params) -> dict[str, Any]:
        mine = found = shown_to(params["person"], params["comments"])
        if params["kind"]:
            found = found.filter(kind=params["kind"])
        if params["unread"]:
            found = found.filter(read_at=None)
        if params["before"]:
            found = found.filter(pk__lt=params["before"])
        # One more than a page shows says that more come.
        rows = list(found.select_related("ticket")[: ON_A_PAGE + 1])
        kept = {name: "1" if params[name] is True else params[name] for name in ("kind", "unread") if params[name]}
        older = {**kept, "before": str(rows[ON_A_PAGE - 1].pk)} if len(rows) > ON_A_PAGE else {}
        return super().context(params) | {
            "entries": in_words(rows[:ON_A_PAGE]),
            "newest": mine.values_list("pk", flat=True).first() or 0,
            "filtered": bool(kept),
            "older": reverse("notifications", query=older) if older else "",
            "first": reverse("notifications", query=kept) if params["before"] else "",
        }


def in_words(found: Iterable[Notification]) -> list[Told]:
    found = list(found)
    names = known_names(told.actor for told in found)
    return [
        Told(
            key=told.pk,
            ticket=str(told.ticket_id),
            who=names.get(told.actor, UNKNOWN if is_key(told.actor) else OUTSIDE),
            did=DID[Kind(told.kind)][0],
            to=(f"and {told.others:,} more " if told.others else "") + DID[Kind(told.kind)][1],
            title=told.ticket.title,
            icon=ICONS[Kind(told.kind)],
            at=told.at,
            is_read=told.read_at is not None,
        )
        for told in found
    ]
