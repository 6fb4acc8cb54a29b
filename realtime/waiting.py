import asyncio
from contextlib import suppress


async def wait_for_event(event: asyncio.Event, seconds: float) -> None:
    """Returns when ``event`` is set or time is up.

    Not ``asyncio.wait_for``: before Python 3.12 it swallows a cancellation that comes together with the event.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
