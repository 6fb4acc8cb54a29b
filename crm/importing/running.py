"""Goes through a file's rows beside the requests, and tells how far it is.

A request only says "begin": the work goes on as a task of the web process, on a thread and a connection of its own, so
it holds up neither the event loop nor a request, and it needs no page that stays open. It says in the import's row how
far it is; every page that asks reads that, from whatever process. An import is one transaction, and its last statement
marks the import as done: if the process dies, or somebody drops the import, nothing of it has happened.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from contextvars import Context
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.utils import timezone

from crm.importing.kinds import IMPORTABLE
from crm.importing.reading import Reading, Unreadable, rows_of
from crm.importing.rows import ROWS, Outcome
from crm.models import FileImport
from realtime.database.actor import Origin, acting_user
from realtime.database.refusals import words_for
from realtime.database.thread import DatabaseThread
from realtime.sight import seeing, sight_of

logger = logging.getLogger(__name__)

State = FileImport.State

TELL_SECONDS = 1.0
# Work that hasn't told anything for so long has gone with its process.
GONE = timedelta(seconds=60)

# What an import goes back to when its work fails.
BEFORE = {State.CHECKING: State.MATCHING, State.IMPORTING: State.CHECKED}
INTERRUPTED = "It was interrupted, because the server was restarted. Nothing was imported; start it again."

_FAULT = "Something broke. The fault is ours and has been recorded; nothing was imported."
_REFUSED = "The database refuses one of the rows: a value isn’t allowed there. Nothing was imported."
_RIGHTS = "Your account may no longer add {plural}. Nothing was imported."

# One at a time for each web process: the others wait, and say so.
_turn = asyncio.Semaphore(1)
_tasks: set["asyncio.Task[None]"] = set()


class Overtaken(Exception):
    """The import was dropped, or its work began anew elsewhere."""


class Refused(Exception):
    """Says in a sentence why nothing is imported."""


def begin(key: UUID, state: State) -> bool:
    """Starts to check or to import; False when the import isn't at that step, because of a second click, say."""
    run = uuid4()
    ready = FileImport.objects.filter(pk=key, state=BEFORE[state])
    if state == State.IMPORTING:
        ready = ready.filter(outcome__problem_count=0)
    if not ready.update(state=state, run=run, progress=0, failure="", touched_at=timezone.now()):
        return False
    start(key, run, state)
    return True


def start(key: UUID, run: UUID, state: State) -> None:
    async_to_sync(_start)(key, run, state)


async def _start(key: UUID, run: UUID, state: State) -> None:
    # In a context of its own: what belongs to the request ends with it.
    task = asyncio.get_running_loop().create_task(work(key, run, state), context=Context())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def work(key: UUID, run: UUID, state: State) -> None:
    """Carries out one step, tells its progress, and leaves a sentence if it fails."""
    database, teller = DatabaseThread("import"), DatabaseThread("import-progress")
    try:
        async with _my_turn(teller, key, run):
            told_at = time.monotonic()
            steps = checked if state == State.CHECKING else imported
            async with aclosing(database.pages(lambda: steps(key, run))) as portions:
                async for done in portions:
                    if time.monotonic() - told_at > TELL_SECONDS:
                        await teller.run(_tell, key, run, done)
                        told_at = time.monotonic()
    except Overtaken:
        logger.info("import %s was dropped", key)
    except Exception as error:
        # Only its name: the text of an error may quote a row.
        logger.error("import %s failed: %s", key, type(error).__name__)
        try:
            await teller.run(_failed, key, run, BEFORE[state], _sentence(error))
        except (DatabaseError, InterfaceError):
            # Nobody hears from it any more, and that says the same a minute later.
            logger.error("import %s can't say that it failed", key)
    finally:
        database.close()
        teller.close()


@asynccontextmanager
async def _my_turn(teller: DatabaseThread, key: UUID, run: UUID) -> AsyncIterator[None]:
    while True:
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await _turn.acquire()
            break
        except TimeoutError:
            await teller.run(_tell, key, run, 0)
    try:
        yield
    finally:
        _turn.release()


# What runs on the threads


def checked(key: UUID, run: UUID) -> Iterator[int]:
    """Checks every row; yields how many are done. Its end says what becomes of them."""
    job = _job(key, run)
    outcome = Outcome()
    yield from _through(job, outcome, writing=False)
    _finish(key, run, state=State.CHECKED, outcome=outcome.as_json())


def imported(key: UUID, run: UUID) -> Iterator[int]:
    """Writes every row in one transaction; yields how many are done. Whatever can't be written undoes all."""
    job = _job(key, run)
    outcome = Outcome()
    # The transaction ends with this block, before what comes after it is told.
    try:
        with acting_user(str(job.person_id), Origin.IMPORT), transaction.atomic():
            for done in _through(job, outcome, writing=True):
                if outcome.problem_count:
                    raise _Undone
                yield done
            _finish(key, run, state=State.DONE, outcome=outcome.as_json(), content=b"", preview=[])
    except _Undone:
        # Rows have changed since they were checked. Say all that is wrong now.
        yield from checked(key, run)


class _Undone(Exception):
    """A row that was right when it was checked isn't any more."""


def _job(key: UUID, run: UUID) -> FileImport:
    job = FileImport.objects.filter(pk=key, run=run).first()
    if job is None:
        raise Overtaken
    return job


def _through(job: FileImport, outcome: Outcome, writing: bool) -> Iterator[int]:
    kind = IMPORTABLE[job.table].kind
    person = get_user_model()._default_manager.get(pk=job.person_id)
    if not person.is_active or not person.has_perm(kind.permission("add")):
        raise Refused(_RIGHTS.format(plural=kind.plural))
    rows = rows_of(bytes(job.content), Reading(**job.reading))
    headings = next(rows).cells
    # What the person may not see is neither found nor written over.
    with seeing(sight_of(person)):
        table = ROWS[job.table](headings, job.columns, person.has_perm(kind.permission("change")))
        yield from table.through(rows, outcome, writing)


def _finish(key: UUID, run: UUID, **result: Any) -> None:
    told = {"run": None, "failure": "", "touched_at": timezone.now()} | result
    if not FileImport.objects.filter(pk=key, run=run).update(**told):
        raise Overtaken


def _tell(key: UUID, run: UUID, done: int) -> None:
    if not FileImport.objects.filter(pk=key, run=run).update(progress=done, touched_at=timezone.now()):
        raise Overtaken


def _failed(key: UUID, run: UUID, state: State, sentence: str) -> None:
    FileImport.objects.filter(pk=key, run=run).update(state=state, run=None, failure=sentence)


def _sentence(error: Exception) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, Unreadable):
        return f"The file can’t be read. {error}"
    if isinstance(error, IntegrityError):
        return _REFUSED
    if told := words_for(error):
        return f"{told} Nothing was imported."
    return _FAULT


# What becomes of one that nobody works on


def give_up(key: UUID) -> None:
    """Puts an import back whose work has gone with its process."""
    for state, before in BEFORE.items():
        gone = FileImport.objects.filter(pk=key, state=state, touched_at__lt=timezone.now() - GONE)
        gone.update(state=before, run=None, failure=INTERRUPTED)
