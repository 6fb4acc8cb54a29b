"""Catches what supabase-py drops: it only logs a frame that it can't read, contents included.

The log line goes to the worker and not into a log, because it quotes records.
"""

import logging
from collections.abc import Callable

LIBRARY_LOGGER = logging.getLogger("realtime._async.client")


class _FrameTap(logging.Handler):
    def __init__(self, on_frame: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._on_frame = on_frame

    def emit(self, record: logging.LogRecord) -> None:
        if "Unrecognized message format" in str(record.msg):
            self._on_frame(record.getMessage())


def install(on_frame: Callable[[str], None]) -> None:
    LIBRARY_LOGGER.addHandler(_FrameTap(on_frame))


def remove() -> None:
    for handler in [handler for handler in LIBRARY_LOGGER.handlers if isinstance(handler, _FrameTap)]:
        LIBRARY_LOGGER.removeHandler(handler)
