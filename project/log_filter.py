import logging


class RefusalsAreNoFailures(logging.Filter):
    """Django logs a page that was refused (403, 404, a bad request) with a traceback of its own deciding so."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = None
        return True
