"""`python -m project.chaos.worker`: the real worker, which writes every event its handlers get to one file a life."""

import os
import time
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from realtime.events import RealtimeEvent, TableReset  # noqa: E402
from realtime.management.commands import run_realtime_worker  # noqa: E402
from realtime.worker.event_dispatcher import ALL_TABLES  # noqa: E402
from realtime.worker.worker import RealtimeWorker  # noqa: E402


class Recorder:
    """A handler that writes each event at once, so that a kill loses nothing."""

    def __init__(self, directory: Path, name: str) -> None:
        self._life = f"{name}-{os.getpid()}-{time.time_ns()}"
        self._file = os.open(directory / f"{self._life}.record", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def handle(self, event: RealtimeEvent[Any] | TableReset) -> None:
        if isinstance(event, RealtimeEvent):
            words = (self._life, event.revision, event.table, event.key, event.type.value, event.path.value)
            os.write(self._file, f"{' '.join(map(str, words))}\n".encode())


class RecordedWorker(RealtimeWorker):
    def __init__(self) -> None:
        super().__init__()
        recorder = Recorder(Path(os.environ["CHAOS_RECORDS"]), os.environ["CHAOS_NAME"])
        self.dispatcher.on(ALL_TABLES, recorder.handle)


if __name__ == "__main__":
    # The command's own signals, errors and exit codes, around a worker that is recorded.
    run_realtime_worker.RealtimeWorker = RecordedWorker  # type: ignore[attr-defined]
    call_command("run_realtime_worker")
