import logging
import sys

from project.log_filter import RefusalsAreNoFailures


def record(status: int | None) -> logging.LogRecord:
    try:
        raise ValueError("why")
    except ValueError:
        told = logging.LogRecord("django.request", logging.WARNING, __file__, 1, "told", (), sys.exc_info())
    if status is not None:
        told.status_code = status
    return told


def test_a_refusal_is_a_line_and_a_failure_keeps_its_traceback() -> None:
    keeps = RefusalsAreNoFailures()
    records = {status: record(status) for status in (None, 403, 404, 500)}
    assert all(keeps.filter(told) for told in records.values())
    assert {status for status, told in records.items() if told.exc_info} == {None, 500}
