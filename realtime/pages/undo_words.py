"""What an undo tells people: what it has done, or why it did nothing."""

from collections import Counter
from collections.abc import Iterable

from realtime.live.tracked import Words
from realtime.pages.undo_plan import Plan, Target, short


def refusal(plan: Plan) -> str:
    """Why nothing was put back."""
    if not plan.found:
        return "There is nothing to undo: it is as it was before."
    told = [" ".join(filter(None, [f"{p.words}:" if p.words else "", p.sentence])) for p in plan.problems[:2]]
    more = len(plan.problems) - len(told)
    return " ".join(["Nothing was put back.", *told, *([f"And {more} more."] if more else [])])


def said(plan: Plan) -> str:
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
        f"{', '.join(labels) or 'the row'} of {f'“{short(name)}”' if name else 'the ' + target.tracked.kind.singular}"
    )


def _rows(targets: list[Target]) -> str:
    """The first, which the others hang on, by name: "“Door”, with 40 comments and 3 attachments"."""
    first = targets[0]
    name = first.tracked.called(first.wanted or first.left)
    told = f"“{short(name)}”" if name else f"The {first.tracked.kind.singular}"
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
