"""Undo: puts back what an action changed, as far as it still is as the action left it (design rule 31).

An undo is an ordinary change, made with today's rights of whoever asks for it, and an action of its own: to redo is to
undo the undo. What somebody has changed since is asked about, field by field; the rest can be put back without it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db import IntegrityError, transaction

from realtime.database import put_back as log
from realtime.database.actor import Origin, acting_user
from realtime.database.put_back import Net, Side
from realtime.live.tracked import all_tracked, seen_by, tracked_named, tracked_table
from realtime.models import RealtimeChange
from realtime.pages.undo_plan import Plan, Problem, Target, planned
from realtime.pages.undo_words import refusal, said

# As many rows as an import may have. More is no slip of a hand, and would hold up everybody.
MOST_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """``action`` is the undo's own name, empty when nothing was done; then ``plan`` says why."""

    plan: Plan
    said: str
    action: str = ""


def undo(user: Any, targets: Iterable[Target], anyway: Collection[str] = (), rest: bool = False) -> Outcome:
    """Puts everything back, or nothing where there are problems that nobody has been asked about.

    ``anyway`` are the choices of problems to overcome; with ``rest``, what other problems concern stays as it is.
    """
    wanted = list(targets)
    try:
        with acting_user(str(user.pk), Origin.UNDO) as action, transaction.atomic():
            plan = planned(user, wanted, frozenset(anyway))
            if not plan.does_anything or (plan.problems and not rest):
                return Outcome(plan, refusal(plan))
            carry_out(plan)
            return Outcome(plan, said(plan), action.name)
    except IntegrityError:
        sentence = "Nothing was put back: another record stands in the way, or one that this needs is gone."
        return Outcome(Plan(problems=[Problem("", sentence)], found=True), sentence)


def looked_at(user: Any, targets: Iterable[Target]) -> Plan:
    """What an undo would do now."""
    with transaction.atomic():
        return planned(user, list(targets), frozenset())


# What can be undone


def action_targets(user: Any, doing: str, at: int | None = None) -> list[Target] | None:
    """Everything that an action, or ``tx:`` and a transaction, did to what somebody may see.

    With ``at``, only what it did in the transaction of this entry. None when it did too much to be undone here.
    """
    seen = [tracked for name in seen_by(user) if (tracked := tracked_named(name)) is not None]
    nets = log.nets_of(doing, [tracked.table for tracked in seen], MOST_ROWS + 1, at)
    if len(nets) > MOST_ROWS:
        return None
    return [target for net in nets if (target := _back(net)) is not None]


def field_target(user: Any, revision: int, column: str) -> list[Target]:
    """One field of a row, to what it was before an entry."""
    net = _net(user, revision)
    target = _back(net) if net is not None and net.before and net.after else None
    if target is None or column not in target.tracked.fields:
        return []
    return [replace(target, columns=frozenset({column}))]


def moment_target(user: Any, revision: int) -> list[Target]:
    """A record as it was right after an entry, or before the one that deleted it: whoever asks wants it over all later
    changes.
    """
    net = _net(user, revision)
    if net is None or (tracked := tracked_table(net.table)) is None:
        return []
    side = Side.AFTER if net.after is not None else Side.BEFORE
    return [Target(tracked, net.key, net.after or net.before, None, side, revision, revision, over=True)]


def _net(user: Any, revision: int) -> Net | None:
    table = RealtimeChange.objects.filter(revision=revision).values_list("table_name", flat=True).first()
    tracked = tracked_table(table or "")
    if tracked is None or tracked.kind.singular not in seen_by(user):
        return None
    return log.net_of(tracked.table, revision)


def _back(net: Net) -> Target | None:
    tracked = tracked_table(net.table)
    if tracked is None or net.before == net.after:
        return None
    return Target(tracked, net.key, net.before, net.after, Side.BEFORE, net.first, net.last)


# Carrying it out


def carry_out(plan: Plan) -> None:
    """In the caller's transaction, which holds the rows that were planned with. Raises IntegrityError."""
    # Rows come before what points to them, and go after it.
    for table, targets in _by_table(plan.inserts):
        writable = log.writable_columns(table)
        alike: dict[tuple[Side, tuple[str, ...]], list[int]] = {}
        for target in targets:
            known = tuple(column for column in writable if column in (target.wanted or {}))
            alike.setdefault((target.side, known), []).append(target.revision)
        for (side, columns), revisions in alike.items():
            log.insert_again(table, columns, side, revisions)
    same: dict[tuple[str, tuple[str, ...], Side], list[int]] = {}
    for target, columns in plan.updates:
        same.setdefault((target.tracked.table, columns, target.side), []).append(target.revision)
    for (table, columns, side), revisions in same.items():
        log.put_back(table, columns, side, revisions)
    for table, targets in reversed(_by_table(plan.deletes)):
        log.remove(table, {target.key for target in targets})
    log.check_now()


def _by_table(targets: Iterable[Target]) -> list[tuple[str, list[Target]]]:
    found: dict[str, list[Target]] = {}
    for target in targets:
        found.setdefault(target.tracked.table, []).append(target)
    return [(tracked.table, found[tracked.table]) for tracked in all_tracked() if tracked.table in found]
