"""Does the steps of a plan, and takes them back, without ever holding up the app's writers for long."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, transaction
from psycopg import errors

from realtime.adopting import notes
from realtime.adopting.additions import added, look
from realtime.adopting.steps import Step, execute
from realtime.database.refusals import first_line

# While a statement waits for its lock, everybody behind it waits too: less than the second that a writer may wait.
LOCK_TIMEOUT_MS = 400
# An index is built beside the writers, who don't queue behind it.
INDEX_LOCK_TIMEOUT_MS = 60_000
# How long a step is tried again while something holds its table.
PATIENCE_SECONDS = 600.0
# Between two tries, so that whoever waited gets through.
PAUSE_SECONDS = 0.5

# Somebody else's transaction was in the way; the last is PostgreSQL's "tuple concurrently updated", of the catalog.
BUSY = (
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.InternalError_,
)

Tell = Callable[[str], None]


class GaveUp(Exception):
    """A step couldn't be done. What was done so far stays, and the command can be run again."""


def do(step: Step, tell: Tell) -> None:
    """One step, with its note in the same transaction. Raises ``GaveUp``."""
    _patiently(step.text, step.table, lambda: _alone(step) if step.alone else _noted(step), tell)


def _noted(step: Step) -> None:
    with _short(), transaction.atomic():
        # Both looks and the step see the database as it is now: what others add meanwhile isn't ours.
        execute("set transaction isolation level repeatable read")
        before = look()
        step.run()
        execute("set constraints all immediate")
        notes.note(step.name, added(before, look()))


def _alone(step: Step) -> None:
    begun = f"begun {step.name}"
    if begun not in notes.done_steps():
        if step.is_there():
            # The app's own, under the name of ours: it stays, also when the adoption is undone.
            notes.note(step.name, ())
            return
        # Noted first: whatever a failure leaves behind is taken back too.
        notes.note(begun, step.undo, alone=True)
    with _short(INDEX_LOCK_TIMEOUT_MS):
        step.run()
    notes.note(step.name, ())


def undo(tell: Tell) -> Iterator[notes.Note]:
    """Takes back every note, the last one first, and yields it when that is done. Raises ``GaveUp``."""
    for one in notes.notes_backwards():
        if one.undo:
            _patiently("; ".join(one.undo), "", lambda one=one: _taken_back(one), tell)  # type: ignore[misc]
            yield one
    notes.forget_everything()


def _taken_back(one: notes.Note) -> None:
    if one.alone:
        with _short(INDEX_LOCK_TIMEOUT_MS):
            for statement in one.undo:
                execute(statement)
        notes.forget(one.id)
        return
    with _short(), transaction.atomic():
        for statement in one.undo:
            execute(statement)
        notes.forget(one.id)


@contextmanager
def _short(lock_timeout_ms: int = LOCK_TIMEOUT_MS) -> Iterator[None]:
    execute(f"set lock_timeout = {lock_timeout_ms}")
    try:
        yield
    finally:
        execute("reset lock_timeout")


def _patiently(what: str, table: str, run: Callable[[], None], tell: Tell) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    tries = 0
    while True:
        try:
            run()
            return
        except DatabaseError as error:
            if not isinstance(error.__cause__, BUSY):
                raise GaveUp(f"{what}: {first_line(error)}") from error
            tries += 1
            if time.monotonic() > until:
                raise GaveUp(
                    f"{what}: {table or 'a table'} was in use for {PATIENCE_SECONDS / 60:.0f} minutes on end"
                ) from error
            if tries % 10 == 1:
                tell(f"waiting: another transaction holds {table or 'a table'}")
            time.sleep(PAUSE_SECONDS)
