"""Undo: puts back what an action changed, as far as it still is as the action left it (design rule 31).

An undo is an ordinary change, made with today's rights of whoever asks for it, and an action of its own: to redo is to
undo the undo. What somebody has changed since is asked about, field by field; the rest can be put back without it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import IntegrityError, transaction

from realtime.database import put_back as log
from realtime.database.actor import Origin, acting_user
from realtime.database.put_back import Net, Row, Side
from realtime.live.people import is_key
from realtime.live.tracked import Tracked, Words, all_tracked, hanging_on, seen_by, tracked_named, tracked_table
from realtime.models import RealtimeChange

# As many rows as an import may have. More is no slip of a hand, and would hold up everybody.
MOST_ROWS = 50_000
OUTSIDE = "somebody outside Livedesk"
# Of so many problems it is looked up who has made them; nobody reads more.
MOST_NAMED = 50


@dataclass(frozen=True, slots=True)
class Target:
    """One row, and how it should be: as ``side`` of entry ``revision`` has it, or gone (``wanted`` is None).

    ``left`` is how the action left it: what isn't so any more, somebody has changed since the entry ``last``, and is
    asked about, unless it is meant to go ``over`` all later changes. Without ``columns``, the whole row is meant.
    """

    tracked: Tracked
    key: str
    wanted: Row | None
    left: Row | None
    side: Side
    revision: int
    last: int
    columns: frozenset[str] | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something can't be put back, or not without asking. ``choice`` names it where it can be put back anyway."""

    words: str
    sentence: str
    choice: str = ""


@dataclass(slots=True)
class Plan:
    """What an undo does, and what stands in its way."""

    updates: list[tuple[Target, tuple[str, ...]]] = field(default_factory=list)
    inserts: list[Target] = field(default_factory=list)
    deletes: list[Target] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    # There is something to put back, whether it can be or not.
    found: bool = False

    @property
    def does_anything(self) -> bool:
        return bool(self.updates or self.inserts or self.deletes)

    @property
    def can_choose(self) -> bool:
        return any(problem.choice for problem in self.problems)


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
            plan = _planned(user, wanted, frozenset(anyway))
            if not plan.does_anything or (plan.problems and not rest):
                return Outcome(plan, _refusal(plan))
            _carry_out(plan)
            log.check_now()
            return Outcome(plan, _said(plan), action.name)
    except IntegrityError:
        sentence = "Nothing was put back: another record stands in the way, or one that this needs is gone."
        return Outcome(Plan(problems=[Problem("", sentence)], found=True), sentence)


def looked_at(user: Any, targets: Iterable[Target]) -> Plan:
    """What an undo would do now."""
    with transaction.atomic():
        return _planned(user, list(targets), frozenset())


# What can be undone


def action_targets(user: Any, doing: str) -> list[Target] | None:
    """Everything that an action, or ``tx:`` and a transaction, did to what somebody may see.

    None when it did too much to be undone here.
    """
    seen = [tracked for name in seen_by(user) if (tracked := tracked_named(name)) is not None]
    nets = log.nets_of(doing, [tracked.table for tracked in seen], MOST_ROWS + 1)
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


# The plan


class _Planner:
    def __init__(self, user: Any, targets: list[Target], anyway: frozenset[str]) -> None:
        self.user = user
        self.seen = frozenset(seen_by(user))
        self.targets = targets
        self.anyway = anyway
        self.plan = Plan()
        self.now: dict[tuple[str, str], Row] = {}
        self._refused: set[tuple[str, str]] = set()
        self._writable: dict[str, frozenset[str]] = {}

    def planned(self) -> Plan:
        # Parents first, so that what hangs on a row that can't come back doesn't come back either.
        order = {tracked.table: place for place, tracked in enumerate(all_tracked())}
        by_table: dict[str, list[Target]] = {}
        for target in sorted(self.targets, key=lambda target: (order[target.tracked.table], target.last)):
            by_table.setdefault(target.tracked.table, []).append(target)
        for table, targets in by_table.items():
            self._writable[table] = frozenset(log.writable_columns(table)) - log.STAMPED - {"id"}
            rows = log.locked_rows(table, {target.key for target in targets})
            self.now |= {(table, key): row for key, row in rows.items()}
        parents = self._parents_that_are_there()
        for targets in by_table.values():
            for target in _parents_first(targets):
                self._look_at(target, parents)
        self._keep_what_others_hang_on()
        return self.plan

    def _look_at(self, target: Target, parents: Mapping[str, set[str]]) -> None:
        now = self.now.get((target.tracked.table, target.key))
        if target.wanted is None:
            if now is not None:
                self.plan.found = True
                self._delete(target, now)
        elif now is None:
            self.plan.found = True
            self._insert(target, parents)
        elif target.left is None and not target.over:
            self._came_back(target, now)
        else:
            self._update(target, now, parents)

    def _delete(self, target: Target, now: Row) -> None:
        if not self._may("delete", target, now):
            return
        changed = list(self._differing(now, target.left or {}, target))
        choice = f"{target.tracked.table}:{target.key}:"
        if changed and choice not in self.anyway:
            told = ", ".join(self._label(target, column) for column in changed)
            self._problem(target, f"{told} changed since it was added, by {self._who(target, changed[0])[0]}.", choice)
            return
        self.plan.deletes.append(target)

    def _insert(self, target: Target, parents: Mapping[str, set[str]]) -> None:
        if target.left is not None:
            self._problem(target, f"Somebody has deleted this {target.tracked.kind.singular} since.")
            return
        assert target.wanted is not None
        if not self._may("add", target, target.wanted):
            return
        for column, kind in target.tracked.parents.items():
            key = target.wanted.get(column)
            if key is not None and str(key) not in parents[kind.table]:
                word = kind.singular
                self._problem(target, f"It belongs to a {word} that isn’t there any more. Bring the {word} back first.")
                return
        # What hangs on it may come back with it.
        parents[target.tracked.table].add(target.key)
        self.plan.inserts.append(target)

    def _came_back(self, target: Target, now: Row) -> None:
        """The action deleted it, and it is there."""
        if differing := list(self._differing(now, target.wanted or {}, target)):
            self.plan.found = True
            told = ", ".join(self._label(target, column) for column in differing)
            self._problem(target, f"It is back already, with changes: {told}.")

    def _update(self, target: Target, now: Row, parents: Mapping[str, set[str]]) -> None:
        assert target.wanted is not None
        left = target.left or {}
        meant = [
            column
            for column in self._writable[target.tracked.table] - {"created_at"}
            if column in target.wanted
            and (target.columns is None or column in target.columns)
            and (target.over or target.wanted[column] != left.get(column))
            and now.get(column) != target.wanted[column]
        ]
        if not meant:
            return
        self.plan.found = True
        if not self._may("change", target, now):
            return
        columns = [column for column in sorted(meant) if self._is_clear(target, column, now, parents)]
        if columns:
            self.plan.updates.append((target, tuple(columns)))

    def _is_clear(self, target: Target, column: str, now: Row, parents: Mapping[str, set[str]]) -> bool:
        assert target.wanted is not None
        label = self._label(target, column)
        kind, key = target.tracked.parents.get(column), target.wanted[column]
        if kind is not None and key is not None and str(key) not in parents[kind.table]:
            self._problem(target, f"{label}: the {kind.singular} that it was isn’t there any more.")
            return False
        choice = f"{target.tracked.table}:{target.key}:{column}"
        if target.over or now.get(column) == (target.left or {}).get(column) or choice in self.anyway:
            return True
        who, value = self._who(target, column)
        self._problem(target, f"{label}: {who} changed it since{value}.", choice)
        return False

    def _keep_what_others_hang_on(self) -> None:
        """Nothing that has come since goes along unasked."""
        going: dict[str, set[str]] = {}
        for target in self.plan.deletes:
            going.setdefault(target.tracked.table, set()).add(target.key)
        moved: dict[tuple[str, str], set[str]] = {}
        for target, columns in self.plan.updates:
            for column in columns:
                moved.setdefault((target.tracked.table, column), set()).add(target.key)
        by_place = {(target.tracked.table, target.key): target for target in self.plan.deletes}
        kept: set[tuple[str, str]] = set()
        # What stays keeps what it hangs on, so the last to hang come first.
        for table in reversed(list(going)):
            tracked = tracked_table(table)
            assert tracked is not None
            for child, column in hanging_on(tracked.kind):
                model = child.kind.model
                name = next(field.attname for field in model._meta.concrete_fields if field.column == column)
                staying = (
                    model._default_manager.filter(**{f"{name}__in": going[table]})
                    .exclude(pk__in=going.get(child.table, set()) | moved.get((child.table, column), set()))
                    .values_list(name, flat=True)
                )
                for key, count in Counter(map(str, staying)).items():
                    kept.add((table, key))
                    going[table].discard(key)
                    word = child.kind.singular if count == 1 else child.kind.plural
                    told = f"{count} {word}" if child.kind.singular in self.seen else "another record"
                    self._problem(by_place[table, key], f"It has {told} by now. Delete it yourself if that is right.")
        self.plan.deletes = [t for t in self.plan.deletes if (t.tracked.table, t.key) not in kept]

    def _parents_that_are_there(self) -> dict[str, set[str]]:
        asked: dict[str, set[str]] = {tracked.table: set() for tracked in all_tracked()}
        for target in self.targets:
            for column, kind in target.tracked.parents.items():
                if target.wanted is not None and target.wanted.get(column) is not None:
                    asked[kind.table].add(str(target.wanted[column]))
        return {table: log.held_keys(table, keys) if keys else set() for table, keys in asked.items()}

    def _differing(self, now: Row, then: Row, target: Target) -> Iterable[str]:
        columns = self._writable[target.tracked.table] - {"created_at"}
        return (column for column in sorted(columns) if column in then and now.get(column) != then[column])

    def _may(self, verb: str, target: Target, row: Row) -> bool:
        if target.tracked.may(self.user, verb, row):
            return True
        # Said once, however many rows it concerns.
        if (verb, target.tracked.table) not in self._refused:
            self._refused.add((verb, target.tracked.table))
            does = {"add": "bring back", "change": "change", "delete": "delete"}[verb]
            whose = (
                "these" if target.tracked.may_row and self.user.has_perm(target.tracked.kind.permission(verb)) else ""
            )
            what = " ".join(filter(None, [whose, target.tracked.kind.plural]))
            self.plan.problems.append(Problem("", f"Your account may not {does} {what}."))
        return False

    def _problem(self, target: Target, sentence: str, choice: str = "") -> None:
        now = self.now.get((target.tracked.table, target.key))
        name = target.tracked.called(now or target.wanted or target.left)
        words = f"{target.tracked.kind.singular.capitalize()} “{name}”" if name else target.tracked.kind.singular
        self.plan.problems.append(Problem(words, sentence, choice))

    def _label(self, target: Target, column: str) -> str:
        words = Words(self.seen)
        return words.label(target.tracked, column) if words.tells_of(target.tracked, column) else "something"

    def _who(self, target: Target, column: str) -> tuple[str, str]:
        """Who changed a column last, and to what: "Anna", " to “Open”"."""
        if len(self.plan.problems) >= MOST_NAMED:
            return "somebody", ""
        later = RealtimeChange.objects.filter(
            table_name=target.tracked.table, row_key=target.key, revision__gt=target.last, op=RealtimeChange.Op.UPDATE
        ).order_by("-revision")
        for entry in later:
            old, new = entry.old or {}, entry.new or {}
            if old.get(column) != new.get(column):
                break
        else:
            return "somebody", ""
        words = Words(self.seen)
        words.ask_person(entry.actor)
        words.ask(target.tracked, new)
        words.read()
        who = words.person(entry.actor) or ("somebody" if is_key(entry.actor) else OUTSIDE)
        if not words.tells_of(target.tracked, column):
            return who, ""
        value = words.value(target.tracked, column, new.get(column))
        return who, f" to “{_short(value)}”" if value is not None else " to nothing"


def _parents_first(targets: list[Target]) -> Iterable[Target]:
    """Rows of one table may hang on each other: a ticket on the one that it was merged into."""
    table = targets[0].tracked.table
    own = [column for column, kind in targets[0].tracked.parents.items() if kind.table == table]
    by_key = {target.key: target for target in targets} if own else {}
    done: set[str] = set()
    for target in targets:
        line: dict[str, Target] = {}
        above: Target | None = target
        while above is not None and above.key not in done and above.key not in line:
            line[above.key] = above
            named = [str((above.wanted or {}).get(column)) for column in own]
            above = next((by_key[key] for key in named if key in by_key), None)
        done |= line.keys()
        yield from reversed(line.values())


def _planned(user: Any, targets: list[Target], anyway: frozenset[str]) -> Plan:
    return _Planner(user, targets, anyway).planned()


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"


# Carrying it out


def _carry_out(plan: Plan) -> None:
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


def _by_table(targets: Iterable[Target]) -> list[tuple[str, list[Target]]]:
    found: dict[str, list[Target]] = {}
    for target in targets:
        found.setdefault(target.tracked.table, []).append(target)
    return [(tracked.table, found[tracked.table]) for tracked in all_tracked() if tracked.table in found]


# Saying it


def _refusal(plan: Plan) -> str:
    if not plan.found:
        return "There is nothing to undo: it is as it was before."
    told = [" ".join(filter(None, [f"{p.words}:" if p.words else "", p.sentence])) for p in plan.problems[:2]]
    more = len(plan.problems) - len(told)
    return " ".join(["Nothing was put back.", *told, *([f"And {more} more."] if more else [])])


def _said(plan: Plan) -> str:
    """ "Put back: Status of “Door”." """
    parts = []
    if plan.updates:
        parts.append(f"Put back: {_fields(plan.updates)}.")
    if plan.inserts:
        parts.append(f"{_rows(plan.inserts)} {_is(plan.inserts)} back.")
    if plan.deletes:
        parts.append(f"{_rows(plan.deletes)} {_is(plan.deletes)} gone again.")
    if plan.problems:
        parts.append("The rest stays as it is.")
    return " ".join(parts)


def _fields(updates: list[tuple[Target, tuple[str, ...]]]) -> str:
    if len(updates) > 1:
        return _counts(target for target, _ in updates)
    [(target, columns)] = updates
    fields = target.tracked.fields
    labels = [Words(frozenset()).label(target.tracked, column) for column in columns if column in fields]
    name = target.tracked.called(target.left or target.wanted)
    return (
        f"{', '.join(labels) or 'the row'} of {f'“{_short(name)}”' if name else 'the ' + target.tracked.kind.singular}"
    )


def _rows(targets: list[Target]) -> str:
    """The first, which the others hang on, by name: "“Door”, with 40 comments and 3 attachments"."""
    first = targets[0]
    name = first.tracked.called(first.wanted or first.left)
    told = f"“{_short(name)}”" if name else f"The {first.tracked.kind.singular}"
    others = targets[1:]
    if any(target.tracked == first.tracked for target in others):
        told, others = _counts(targets), []
    return f"{told}, with {_counts(others)}" if others else told


def _is(targets: list[Target]) -> str:
    same = all(target.tracked == targets[0].tracked for target in targets)
    return "are" if len(targets) > 1 and same else "is"


def _counts(targets: Iterable[Target]) -> str:
    counts = Counter(target.tracked.kind for target in targets)
    told = [f"{count} {kind.singular if count == 1 else kind.plural}" for kind, count in counts.items()]
    return " and ".join(filter(None, [", ".join(told[:-1]), told[-1]]))
