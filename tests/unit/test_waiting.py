import asyncio
from contextlib import suppress

import pytest

from realtime.waiting import end, until_one_ends


def test_a_task_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    async def deaf_to_the_first() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async def scenario() -> asyncio.Task[None]:
        task = asyncio.create_task(deaf_to_the_first())
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await end([task])
        return task

    assert asyncio.run(scenario()).cancelled()


def test_the_error_of_a_task_that_had_failed_is_nobodys() -> None:
    async def failing() -> None:
        raise ValueError

    async def scenario() -> None:
        task = asyncio.create_task(failing())
        await asyncio.wait([task])
        await end([task])

    asyncio.run(scenario())


def test_the_first_that_fails_ends_the_others_and_its_error_comes_out() -> None:
    ended = []

    async def patient() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("patient")

    async def failing() -> None:
        await asyncio.sleep(0)
        raise ValueError("the first")

    with pytest.raises(ValueError, match="the first"):
        asyncio.run(until_one_ends(patient(), failing()))
    assert ended == ["patient"]
