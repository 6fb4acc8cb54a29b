import logging


class RefusalsAreNoFailures(logging.Filter):
    """Drops the traceback that Django logs when it refuses a page by its own decision (403, 404, a bad request)."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = None
        return True
