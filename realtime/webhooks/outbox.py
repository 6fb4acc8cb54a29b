"""The outbox of webhooks: filled from the change log, handed out in order, and emptied by age.

Of a row's changes each is sent only when the one before it has arrived or was given up. A delivery is handed out for
``LEASE_SECONDS``: when nobody tells by then what became of it, it is handed out again. So a receiver may get one twice,
under the same name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from realtime.database.change_log import Change
from realtime.models import Webhook, WebhookDelivery
from realtime.webhooks.payload import Operation, body_of, test_body

# The name of the reader's position in the change log.
NAME = "webhooks"
# Seconds from each failed attempt to the next one; after the last of them a delivery is given up. 31 hours in all.
STEPS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400)
LEASE_SECONDS = 60
# A receiver that is away may have so many to come; then its webhook is switched off.
WAITING_AT_MOST = 100_000
KEPT = timedelta(days=30)
GONE = 410

CLAIM = """
with asked (webhook, room) as (select * from unnest(%(webhooks)s::uuid[], %(rooms)s::int[])),
due as (
    select chosen.id from asked join realtime_webhook as hook on hook.id = asked.webhook and hook.is_on
    cross join lateral (
        select one.id from realtime_webhook_delivery as one
        where one.webhook_id = hook.id and one.state = 'waiting' and one.next_at <= now() and not exists (
            select from realtime_webhook_delivery as earlier
            where earlier.webhook_id = one.webhook_id and earlier.state = 'waiting'
              and earlier.table_name = one.table_name and earlier.id < one.id
              and (earlier.row_key = one.row_key or '' in (earlier.row_key, one.row_key)))
        order by one.id limit asked.room for update skip locked
    ) as chosen
)
update realtime_webhook_delivery as taken
set attempts = attempts + 1, next_at = now() + %(lease)s * interval '1 second'
from due, realtime_webhook as hook
where taken.id = due.id and hook.id = taken.webhook_id
returning taken.id, taken.webhook_id, hook.address, taken.message, taken.body, taken.attempts
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be sent now."""

    id: int
    webhook: UUID
    address: str
    message: UUID
    body: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to: the answer's status, or else in words what went wrong."""

    answer: int | None = None
    problem: str = ""

    @property
    def has_arrived(self) -> bool:
        return self.answer is not None and 200 <= self.answer < 300


# Filling


def wanted_tables() -> frozenset[str]:
    """The tables that a webhook is to be told of."""
    wanted = Webhook.objects.filter(is_on=True).values_list("tables", flat=True)
    return frozenset(table for tables in wanted for table in tables)


def fill(changes: list[Change]) -> None:
    """The reader of the change log: adds what webhooks want of a page of changes."""
    deliveries: list[WebhookDelivery] = []
    for webhook in Webhook.objects.filter(is_on=True):
        told = [_delivery(webhook, change) for change in changes if _wants(webhook, change)]
        if told and _has_room(webhook):
            deliveries += told
    # In the order of the changes, for each webhook.
    WebhookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)


def add_test(webhook: Webhook) -> WebhookDelivery:
    """A delivery that says nothing but that it works."""
    return WebhookDelivery.objects.create(webhook=webhook, operation="test", body=test_body())


def _wants(webhook: Webhook, change: Change) -> bool:
    is_of_these = change.table in webhook.tables and change.op.lower() in set(webhook.operations) & set(Operation)
    return is_of_these and change.at >= webhook.since


def _delivery(webhook: Webhook, change: Change) -> WebhookDelivery:
    key = "" if change.key is None else str(change.key)
    return WebhookDelivery(
        webhook=webhook,
        revision=change.revision,
        table_name=change.table,
        operation=change.op.lower(),
        row_key=key,
        body=body_of(change),
    )


def _has_room(webhook: Webhook) -> bool:
    waiting = WebhookDelivery.objects.filter(webhook=webhook, state=WebhookDelivery.State.WAITING).order_by()
    if waiting[WAITING_AT_MOST:].exists():
        _switch_off(webhook.pk, f"{WAITING_AT_MOST:,} events were waiting, and the receiver takes none of them.")
        return False
    return True


# Sending


def webhooks_on() -> list[UUID]:
    return list(Webhook.objects.filter(is_on=True).order_by().values_list("pk", flat=True))


def claim(rooms: Mapping[UUID, int]) -> list[Due]:
    """Hands out what is due: of each webhook as many as there is room for."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"webhooks": list(rooms), "rooms": list(rooms.values()), "lease": LEASE_SECONDS}
        cursor.execute(CLAIM, asked)
        return sorted((Due(*row) for row in cursor.fetchall()), key=lambda due: due.id)


def settle(due: Due, outcome: Outcome) -> None:
    """Notes what became of an attempt, unless somebody else has begun another one meanwhile."""
    more: dict[str, Any] = {"answer": outcome.answer, "problem": outcome.problem}
    if outcome.has_arrived:
        more |= _finished(WebhookDelivery.State.DELIVERED)
    elif outcome.answer == GONE or due.attempt > len(STEPS):
        more |= _finished(WebhookDelivery.State.FAILED)
    else:
        # By the database's clock, which says what is due.
        more |= {"next_at": Now() + timedelta(seconds=STEPS[due.attempt - 1])}
    with transaction.atomic():
        mine = Q(pk=due.id, attempts=due.attempt, state=WebhookDelivery.State.WAITING)
        if WebhookDelivery.objects.filter(mine).update(**more) and outcome.answer == GONE:
            _switch_off(due.webhook, "The receiver answered 410: it wants no more events.")


def deliver_again(deliveries: Iterable[WebhookDelivery]) -> int:
    """Sends them once more, under the same names and with all attempts before them; returns how many those are."""
    keys = [delivery.pk for delivery in deliveries]
    again = {"state": WebhookDelivery.State.WAITING, "attempts": 0, "next_at": Now(), "finished_at": None}
    return WebhookDelivery.objects.filter(pk__in=keys).update(**again)


def _finished(state: WebhookDelivery.State) -> dict[str, Any]:
    return {"state": state, "finished_at": Now(), "next_at": None}


def _switch_off(key: UUID, because: str) -> None:
    Webhook.objects.filter(pk=key).update(is_on=False, off_because=because)


# Forgetting


def throw_away_old() -> int:
    """Deletes deliveries older than 30 days, whatever became of them; returns how many."""
    return WebhookDelivery.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]
