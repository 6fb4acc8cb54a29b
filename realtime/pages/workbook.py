"""A sheet that is written row by row to the disk and then read from there, in constant memory."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Any, Self

import xlsxwriter

# What a sheet can hold, the row of headings included.
SHEET_ROWS = 1_048_576
CELL_CHARACTERS = 32_767
# A number of more digits would lose the last ones.
EXACT_DIGITS = 15
# Excel's calendar begins here.
FIRST_DAY = datetime(1900, 3, 1)

# How a text ends that is longer than a cell can hold.
CUT = "… (cut: a cell holds no more; the CSV has all of it)"
_PIECE = 256 * 1024
_WIDTHS = {"Key": 38, "Name": 30, "Email": 30, "Description": 40, "Notes": 40}


class Workbook:
    """A file of one sheet. Its texts stay texts, whatever they begin with; times are dates of the sheet, in UTC.

    Write, finish, then read until nothing comes. Whatever it has put on the disk goes when the block is left.
    """

    def __init__(self, title: str, headings: tuple[str, ...]) -> None:
        # Not by name in a shared directory: an export that is broken off leaves files of its own making behind.
        self._directory = TemporaryDirectory(prefix="livedesk-export-")
        self._path = Path(self._directory.name) / "book.xlsx"
        self._book = xlsxwriter.Workbook(
            self._path, {"constant_memory": True, "tmpdir": self._directory.name, "strings_to_urls": False}
        )
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        bold = self._book.add_format({"bold": True})
        self._sheet = self._book.add_worksheet(title)
        self._sheet.freeze_panes(1, 0)
        for column, heading in enumerate(headings):
            self._sheet.set_column(column, column, _WIDTHS.get(heading, 20))
            self._sheet.write_string(0, column, heading, bold)
        self._rows = 1
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        self._directory.cleanup()

    def write(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Raises ``OverflowError`` for more rows than a sheet can hold."""
        for row in rows:
            if self._rows == SHEET_ROWS:
                raise OverflowError(f"a sheet holds {SHEET_ROWS} rows")
            for column, value in enumerate(row):
                self._put(column, value)
            self._rows += 1

    def finish(self) -> None:
        self._book.close()
        self._file = self._path.open("rb")

    def read(self) -> bytes:
        assert self._file is not None
        return self._file.read(_PIECE)

    def _put(self, column: int, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, datetime):
            value = value.astimezone(UTC).replace(tzinfo=None, microsecond=0)
            if value >= FIRST_DAY:
                self._sheet.write_datetime(self._rows, column, value, self._time)
                return
            value = str(value)
        if isinstance(value, int | Decimal) and len(f"{value:f}".strip("-").replace(".", "")) <= EXACT_DIGITS:
            self._sheet.write_number(self._rows, column, value)
            return
        text = str(value)
        if len(text) > CELL_CHARACTERS:
            text = text[: CELL_CHARACTERS - len(CUT)] + CUT
        self._sheet.write_string(self._rows, column, text)
