"""What an undo would do, and what stands in its way: compares each row as it is now with what the action left."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from realtime.database import put_back as log
from realtime.database.put_back import Row, Side
from realtime.live.people import is_key
from realtime.live.tracked import Tracked, Words, all_tracked, hanging_on, seen_by, tracked_table
from realtime.models import RealtimeChange
from realtime.sight import current_sight, hangs_on, hidden_columns, limits_itself, visible_images, visible_keys

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
    """Why something can't be put back, or not without asking. ``choice`` names it where it can be put back anyway.

    ``key`` is the row's; empty where it isn't about one.
    """

    words: str
    sentence: str
    choice: str = ""
    key: str = ""


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
            for column in self._writable[target.tracked.table] - {"created_at"} - hidden_columns(target.tracked.table)
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
                    # Whoever undoes may not see them all.
                    model._base_manager.filter(**{f"{name}__in": going[table]})
                    .exclude(pk__in=going.get(child.table, set()) | moved.get((child.table, column), set()))
                    .values_list(name, flat=True)
                )
                for key, count in Counter(map(str, staying)).items():
                    kept.add((table, key))
                    going[table].discard(key)
                    word = child.kind.singular if count == 1 else child.kind.plural
                    is_seen = child.kind.singular in self.seen and current_sight() is None
                    told = f"{count} {word}" if is_seen else "another record"
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
        self.plan.problems.append(Problem(words, sentence, choice, target.key))

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
        return who, f" to “{short(value)}”" if value is not None else " to nothing"


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


def planned(user: Any, targets: list[Target], anyway: frozenset[str]) -> Plan:
    """Locks the rows until the caller's transaction ends. ``anyway`` are the choices of problems to overcome."""
    return _Planner(user, _seen(targets), anyway).planned()


def _seen(targets: list[Target]) -> list[Target]:
    """Those of rows that whoever asks may see; of rows that are gone, those that they might see if they were back."""
    sight = current_sight()
    if sight is None:
        return targets
    by_table: dict[str, list[Target]] = {}
    for target in targets:
        by_table.setdefault(target.tracked.table, []).append(target)
    coming: set[tuple[str, str]] = set()
    seen: list[Target] = []
    for tracked in all_tracked():
        asked = by_table.get(tracked.table, [])
        keys = {target.key for target in asked}
        there = log.held_keys(tracked.table, keys) if keys else set()
        visible = visible_keys(tracked.table, there, sight)
        gone = {target.key: image for target in asked if target.key not in there and (image := _image(target))}
        back = visible_images(tracked.table, gone, sight)
        if not limits_itself(tracked.table, sight):
            # What it hung on comes back with it.
            above = hangs_on(tracked.table)
            back |= {
                key
                for key, image in gone.items()
                if any((parent, str(image.get(column))) in coming for column, parent in above)
            }
        coming |= {(tracked.table, key) for key in back}
        seen += [target for target in asked if target.key in visible | back]
    return seen


def _image(target: Target) -> Row | None:
    return target.wanted or target.left


def short(value: Any) -> str:
    """A value for a sentence: one line, of at most 80 characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"
