"""What a process reads from the database once and keeps, an event loop may be the first to ask for."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

from django.db import connection

T = TypeVar("T")


def in_event_loop() -> bool:
    """Whether this thread runs one: Django's connection refuses to work there."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def outside_loop(read: Callable[[], T]) -> T:
    """What ``read`` returns, or raises; in an event loop, from a thread with a connection of its own.

    The loop stands still meanwhile: only for what is kept afterwards.
    """
    if not in_event_loop():
        return read()

    def reading() -> T:
        with closing(connection):
            return read()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(reading).result()
