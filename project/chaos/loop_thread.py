"""An asyncio loop on its own thread: proxies and sockets go on while the main thread waits for something."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


class LoopThread:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos-loop", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, R], seconds: float = 120) -> R:
        """Runs the coroutine on the loop and returns its result. Raises TimeoutError when it takes too long."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def stop(self) -> None:
        if self._thread.is_alive():
            self.run(_cancel_everything(), seconds=20)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)


async def _cancel_everything() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=10) if tasks else None
