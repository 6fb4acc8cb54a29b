import asyncio
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any

# Long enough for a task that cleans up after the first cancellation.
CANCEL_AGAIN_SECONDS = 1.0


async def wait_for_event(event: asyncio.Event, seconds: float | None) -> None:
    """Returns when ``event`` is set or time is up; without ``seconds`` it waits for the event alone.

    Not ``asyncio.wait_for``: before Python 3.12 it swallows a cancellation that comes together with the event.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def until_one_ends(*parts: Coroutine[Any, Any, Any]) -> None:
    """Runs coroutines together until one returns or raises; ends the others, then raises that one's error."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end(tasks)


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels tasks until each has ended; nobody needs their errors any more.

    Cancelling once isn't enough: before Python 3.12 `asyncio.wait_for` swallows a cancellation that comes together
    with its result, and the libraries beneath (redis-py for one) use it for every command.
    """
    while living := [task for task in tasks if not task.done()]:
        for task in living:
            task.cancel()
        await asyncio.wait(living, timeout=CANCEL_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
