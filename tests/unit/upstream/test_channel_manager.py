"""The seed's list for the manager, and its ladder, against a real socket where nobody listens."""

import asyncio
from itertools import islice

import pytest

from realtime.events import RealtimeConnectionStatus as Status
from realtime.local.process import pick_port
from realtime.upstream.backoff import backoff_delays
from realtime.upstream.channel_manager import RealtimeChannelManager


async def no_probe(nonce: str) -> None:
    raise AssertionError("nothing to probe without a connection")


def test_the_ladder_is_the_seeds_and_never_ends() -> None:
    assert list(islice(backoff_delays(), 8)) == [2, 4, 8, 16, 32, 60, 60, 60]


def test_it_climbs_the_ladder_to_error_and_goes_on_for_ever() -> None:
    slept: list[float] = []
    said: list[Status] = []

    async def climb() -> RealtimeChannelManager:
        enough = asyncio.Event()

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 9:
                enough.set()
                await asyncio.Event().wait()

        manager = RealtimeChannelManager(
            f"http://127.0.0.1:{pick_port()}",
            "key",
            no_probe,
            on_status=lambda status, reason: said.append(status),
            sleep=sleep,
        )
        running = asyncio.create_task(manager.run())
        await asyncio.wait_for(enough.wait(), 60)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return manager

    manager = asyncio.run(climb())
    for slept_for, rung in zip(slept, backoff_delays(), strict=False):
        assert slept_for == pytest.approx(rung, rel=0.1)
    assert [status for i, status in enumerate(said) if i == 0 or said[i - 1] is not status] == [
        Status.CONNECTING,
        Status.RECONNECTING,
        Status.ERROR,
    ]
    assert "can't be reached" in manager.reason
    # The error came with the sixth failure: the first try and the ladder's five.
    assert said.count(Status.RECONNECTING) <= 5


def test_subscriptions_are_tracked_and_confirmed_only_by_a_server() -> None:
    async def track() -> None:
        manager = RealtimeChannelManager("http://127.0.0.1:1", "key", no_probe)
        manager.subscribe("products", print)
        manager.subscribe("products", print, filter="price=gt.10")
        manager.subscribe("customers", print)
        assert not manager.is_subscribed("products")
        assert manager.get_subscribed_tables() == []
        manager.unsubscribe("customers")
        manager.unsubscribe("never subscribed")
        await manager.close_all()
        assert manager.status is Status.DISCONNECTED

    asyncio.run(track())
