"""Carries out bulks (design rule 37): each row with the rights, the row limits and the checks of a single write.

A portion is one transaction, which holds the bulk's own row. So two workers never do the same row, what a killed one
has begun hasn't happened, and a person who stops a bulk waits for a portion at most. A row's outcome is noted in the
transaction of its change.
"""

import logging
from collections.abc import Mapping
from copy import copy
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.http import QueryDict
from django.utils import timezone

from realtime.database.actor import acting_user
from realtime.database.put_back import check_now
from realtime.live.bulks import origin_of
from realtime.live.merge import UNKNOWN, Verdict, merge
from realtime.live.past import changers, row_at
from realtime.models import Bulk, BulkRow, LiveModel
from realtime.pages.sent_values import as_sent
from realtime.pages.undo import action_targets, carry_out
from realtime.pages.undo_plan import planned
from realtime.sight import current_sight, seeing, sight_of, visible_keys

if TYPE_CHECKING:
    from realtime.pages.live_pages import LivePages

logger = logging.getLogger(__name__)

# Rows in one transaction: a second's work at most, which is how long others may wait for a row of it.
PORTION = 50
KEPT = timedelta(days=90)

STANDS_IN_THE_WAY = "Another record stands in the way, or one that this needs is gone."
OUR_FAULT = "Something broke. The fault is ours and has been recorded."

Outcome = BulkRow.Outcome
Ending = tuple[Outcome, str]


class Refusal(Exception):
    """Says in a sentence why a row stays as it is."""


def pages_of(listing: str) -> "LivePages":
    """Raises LookupError for a list that this version of the portal doesn't have."""
    # Pages are made where addresses are; a worker answers no request.
    import_module(settings.ROOT_URLCONF)
    from realtime.pages.live_pages import pages_by_list

    return pages_by_list[listing]


def step() -> bool:
    """Does the next portion of the bulk that has waited longest; False when none is running."""
    try:
        return _portion()
    except (OperationalError, InterfaceError):
        # Of the database, not of a row: the whole is tried again.
        raise
    except Exception as error:
        logger.info("a portion of a bulk failed (%s): its rows are done one by one", type(error).__name__)
    return all(_portion(alone=True) for _ in range(PORTION))


def _portion(alone: bool = False) -> bool:
    """``alone``: one row, whose failing is its outcome and nobody else's."""
    with transaction.atomic():
        waiting = Bulk.objects.select_for_update(skip_locked=True).filter(state=Bulk.State.RUNNING)
        bulk = waiting.order_by("touched_at").first()
        if bulk is None:
            return False
        rows = list(bulk.rows.filter(outcome=Outcome.WAITING).order_by("id")[: 1 if alone else PORTION])
        if rows and bulk.verb == Bulk.Verb.UNDO:
            rows = _done_together(bulk, rows[0])
        if rows:
            _do(bulk, rows, alone)
            BulkRow.objects.bulk_update(rows, ["outcome", "note"])
        else:
            bulk.state = Bulk.State.DONE
        bulk.touched_at = timezone.now()
        bulk.save(update_fields=["state", "touched_at"])
    return True


def _do(bulk: Bulk, rows: list[BulkRow], alone: bool) -> None:
    person = get_user_model()._default_manager.get(pk=bulk.person_id)
    do = _undone if bulk.verb == Bulk.Verb.UNDO else _done
    with acting_user(str(person.pk), origin_of(bulk), bulk.pk.hex), seeing(sight_of(person)):
        if not alone:
            endings = do(bulk, rows, person)
            # What would otherwise fail only at the commit.
            check_now()
        else:
            endings = _tried(lambda: do(bulk, rows, person), rows)
    for row in rows:
        row.outcome, row.note = endings[row.row_key]


def _tried(do: Any, rows: list[BulkRow]) -> Mapping[str, Ending]:
    try:
        with transaction.atomic():
            endings: Mapping[str, Ending] = do()
            check_now()
            return endings
    except (OperationalError, InterfaceError):
        raise
    except IntegrityError:
        ending = Outcome.REFUSED, STANDS_IN_THE_WAY
    except Exception as error:
        # Only its name: the text of an error may quote a row.
        logger.error("a row of a bulk failed: %s", type(error).__name__)
        ending = Outcome.FAILED, OUR_FAULT
    return {row.row_key: ending for row in rows}


def _done(bulk: Bulk, rows: list[BulkRow], person: Any) -> Mapping[str, Ending]:
    pages = pages_of(bulk.listing)
    kind = pages.kind
    if not person.is_active or not pages.may_in_bulk(person, bulk.verb):
        told = f"Your account may no longer {bulk.verb} {kind.plural}."
        return {row.row_key: (Outcome.FORBIDDEN, told) for row in rows}
    keys = [row.row_key for row in rows]
    # In the order of their keys: of two bulks that meet, one waits for the other.
    held = kind.model._default_manager.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
    seen = {str(instance.pk): instance for instance in held}
    hidden = {str(key) for key in kind.model._base_manager.filter(pk__in=keys).values_list("pk", flat=True)}
    endings: dict[str, Ending] = {}
    for row in rows:
        instance = seen.get(row.row_key)
        if instance is not None:
            try:
                endings[row.row_key] = _one(bulk, pages, row, instance, person)
            except Refusal as why:
                endings[row.row_key] = Outcome.REFUSED, str(why)
        elif row.row_key in hidden:
            endings[row.row_key] = Outcome.FORBIDDEN, f"You may not see this {kind.singular} any more."
        else:
            endings[row.row_key] = Outcome.GONE, f"Somebody has deleted this {kind.singular}."
    return endings


def _one(bulk: Bulk, pages: "LivePages", row: BulkRow, instance: LiveModel, person: Any) -> Ending:
    if bulk.verb == Bulk.Verb.CHANGE:
        return _changed(bulk, pages, row, instance, person)
    if bulk.verb == Bulk.Verb.DELETE:
        return _deleted(pages, row, instance)
    did = pages.other_verbs[bulk.verb].carry_out(person, instance, _sent(bulk))
    return (Outcome.CHANGED if did else Outcome.SAME), ""


def _changed(bulk: Bulk, pages: "LivePages", row: BulkRow, instance: LiveModel, person: Any) -> Ending:
    data = _sent(bulk)
    for name, field in pages.form.base_fields.items():
        if name not in bulk.fields and not field.widget.is_hidden:
            shown = getattr(instance, _column(instance, name))
            for control, value in as_sent(field, name, shown, data).items():
                data[control] = value
    form = pages.form(data, instance=copy(instance), **pages.form_options(person))
    if not form.fields.keys() >= set(bulk.fields):
        return Outcome.FORBIDDEN, "You may not see what was to be changed any more."
    if not form.is_valid():
        [(name, errors), *_] = form.errors.items()
        label = f"{form[name].label}: " if name in form.fields else ""
        raise Refusal(f"{label}{errors[0]}")
    if row.revision != instance.revision and (name := _taken(bulk, row, instance, form.instance)):
        by = changers(instance, row.revision, [name])[name].name
        return Outcome.CONFLICT, f"{by} changed the {str(form[name].label).lower()} meanwhile."
    if not form.touched:
        return Outcome.SAME, ""
    form.save()
    return Outcome.CHANGED, ""


def _taken(bulk: Bulk, row: BulkRow, now: LiveModel, mine: LiveModel) -> str:
    """A field of the bulk that somebody has given another value since it began; empty where there is none."""
    before = row_at(now, row.revision)
    for name in bulk.fields:
        column = _column(now, name)
        wanted = getattr(mine, column)
        base = UNKNOWN if before is None else getattr(before, column)
        # Whoever chooses what was there already means it, too.
        base = UNKNOWN if base == wanted else base
        if merge(base, wanted, getattr(now, column)).verdict is Verdict.CONFLICT:
            return name
    return ""


def _column(row: LiveModel, name: str) -> str:
    return str(row._meta.get_field(name).attname)  # type: ignore[union-attr]


def _deleted(pages: "LivePages", row: BulkRow, instance: LiveModel) -> Ending:
    if instance.revision != row.revision:
        return Outcome.CONFLICT, "Somebody changed it meanwhile."
    if refusal := pages.undeletable_because(instance):
        raise Refusal(refusal)
    instance.delete()
    return Outcome.CHANGED, ""


def _sent(bulk: Bulk) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, values in bulk.sent.items():
        data.setlist(name, values)
    return data


# Undo: what one transaction of the action did comes back in one transaction, with all that went along


def _done_together(bulk: Bulk, first: BulkRow) -> list[BulkRow]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select revision from realtime_change where action = %s"
            " and xid = (select xid from realtime_change where revision = %s)",
            [bulk.undoes, first.revision],
        )
        revisions = [revision for (revision,) in cursor.fetchall()]
    found = bulk.rows.filter(outcome=Outcome.WAITING, revision__in=revisions).order_by("id")
    # The retention may have been quicker.
    return list(found) or [first]


def _undone(bulk: Bulk, rows: list[BulkRow], person: Any) -> Mapping[str, Ending]:
    pages, sight = pages_of(bulk.listing), current_sight()
    plan = planned(person, action_targets(person, bulk.undoes, at=rows[0].revision) or [], frozenset())
    carry_out(plan)
    done = {target.key for target in [*(target for target, _ in plan.updates), *plan.inserts, *plan.deletes]}
    stay = {problem.key: problem.sentence for problem in plan.problems}
    seen = visible_keys(pages.kind.table, [row.row_key for row in rows], sight) if sight else None
    endings: dict[str, Ending] = {}
    for row in rows:
        if row.row_key in stay:
            endings[row.row_key] = Outcome.CONFLICT, stay[row.row_key]
        elif row.row_key in done:
            endings[row.row_key] = Outcome.CHANGED, ""
        elif "" in stay or (seen is not None and row.row_key not in seen):
            endings[row.row_key] = Outcome.FORBIDDEN, stay.get("", "You may not see this any more.")
        else:
            endings[row.row_key] = Outcome.SAME, ""
    return endings


def throw_away_old() -> int:
    """Deletes the reports of bulks that began 90 days ago; returns how many."""
    return Bulk.objects.filter(created_at__lt=timezone.now() - KEPT).exclude(state=Bulk.State.RUNNING).delete()[0]
