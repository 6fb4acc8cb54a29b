"""What people have asked for that no request should wait for: the leading worker does it, portion by portion.

A job is a function that does one portion in one transaction, with a note of what is done in that same transaction. So a
worker that is killed loses the portion under way and nothing else, and whoever leads next goes on behind it.
"""

import asyncio
import logging
from collections.abc import Callable

from django.db import DatabaseError

from realtime.database.refusals import first_line
from realtime.database.thread import DatabaseThread

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
# Between two portions, others get their turn: this thread shares the interpreter with what carries the changes.
REST_SECONDS = 0.01
RETRY_SECONDS = 1.0

# Does the next portion; False when there is nothing to do. Raises what the next try may not meet again.
Job = Callable[[], bool]

_jobs: list[Job] = []


def register_job(job: Job) -> None:
    """Called when an app starts."""
    _jobs.append(job)


class Jobs:
    def __init__(self, database: DatabaseThread) -> None:
        self._database = database
        # What it failed at last.
        self._problem = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                goes_on = any([await self._database.run(job) for job in _jobs])
            except Exception as error:
                # Its words may quote a record, unless they are the database's.
                told = first_line(error) if isinstance(error, DatabaseError) else type(error).__name__
                if told != self._problem:
                    logger.warning("a job can't go on (%s): it tries again", told)
                self._problem = told
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._problem = ""
            await asyncio.sleep(REST_SECONDS if goes_on else LOOK_SECONDS)
