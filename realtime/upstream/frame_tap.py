"""Catches what supabase-py drops: it only logs a frame that it can't read, contents included.

The log line becomes a gap signal and goes no further, because it quotes records.
"""

import logging
from collections.abc import Callable

from realtime.events import Gap

LIBRARY_LOGGER = logging.getLogger("realtime._async.client")


class _FrameTap(logging.Handler):
    def __init__(self, on_gap: Callable[[Gap], None]) -> None:
        super().__init__(logging.ERROR)
        self._on_gap = on_gap

    def emit(self, record: logging.LogRecord) -> None:
        if "Unrecognized message format" in str(record.msg):
            self._on_gap(Gap.UNREADABLE)


def install(on_gap: Callable[[Gap], None]) -> None:
    LIBRARY_LOGGER.addHandler(_FrameTap(on_gap))


def remove() -> None:
    for handler in [handler for handler in LIBRARY_LOGGER.handlers if isinstance(handler, _FrameTap)]:
        LIBRARY_LOGGER.removeHandler(handler)
