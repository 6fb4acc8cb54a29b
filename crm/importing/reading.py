"""A file as rows of text: a CSV in whatever encoding and with whatever separator, or a sheet of an Excel file.

What can't be understood is named in a sentence, with the row.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO, StringIO
from itertools import islice
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

ROWS = 50_000
COLUMNS = 200
# A small ZIP can hold a sheet that fills the memory.
UNPACKED_BYTES = 150 * 1024 * 1024

ENCODINGS = {
    "utf-8": "Unicode (UTF-8)",
    "utf-16-le": "Unicode (UTF-16)",
    "utf-16-be": "Unicode (UTF-16, big-endian)",
    "cp1252": "Western European (Windows-1252)",
    "cp1250": "Central European (Windows-1250)",
    "cp1251": "Cyrillic (Windows-1251)",
    "cp1253": "Greek (Windows-1253)",
    "cp1254": "Turkish (Windows-1254)",
    "cp1257": "Baltic (Windows-1257)",
    "mac_roman": "Western European (Macintosh)",
    "cp850": "Western European (DOS)",
}
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SAMPLE = 64 * 1024
# Excel's own way to name the separator; it isn't a row.
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\r?\n?", re.IGNORECASE)
_ZIP, _OLD_EXCEL, _PDF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF"
_DAMAGED = (
    "It can’t be read as an Excel file: it seems to be damaged. Open it, save it again as .xlsx or CSV, and try that."
)


class Unreadable(Exception):
    """Says in a sentence why a file can't be read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read: a CSV has an encoding and a separator, an Excel file a sheet."""

    encoding: str = ""
    separator: str = ""
    sheet: str = ""

    @property
    def words(self) -> str:
        if self.sheet:
            return f"an Excel file, sheet “{self.sheet}”"
        return f"{ENCODINGS[self.encoding]}, cells separated by {SEPARATORS[self.separator]}"


class Row(NamedTuple):
    # As spreadsheets count: the headings are mostly row 1, and a quoted line break begins no new row.
    number: int
    cells: list[str]


def reading_of(content: bytes) -> Reading:
    """The way to read a file that its bytes suggest; raises ``Unreadable``."""
    if not content.strip():
        raise Unreadable("It is empty.")
    if content.startswith(_OLD_EXCEL):
        raise Unreadable(
            "It is an old Excel file (.xls) or one with a password. Save it as .xlsx without a password, or as CSV."
        )
    if content.startswith(_PDF):
        raise Unreadable("It is a PDF. Only CSV and Excel files (.xlsx) can be imported.")
    if content.startswith(_ZIP):
        return Reading(sheet=sheets_of(content)[0])
    encoding = _encoding_of(content)
    return Reading(encoding, _separator_of(_decoded(content, encoding)))


def sheets_of(content: bytes) -> list[str]:
    """The names of an Excel file's sheets, hidden ones last; none for a CSV."""
    if not content.startswith(_ZIP):
        return []
    book = _book(content)
    sheets = sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")
    if not sheets:
        raise Unreadable("It is an Excel file without a sheet of cells.")
    return [sheet.title for sheet in sheets]


def rows_of(content: bytes, reading: Reading) -> Iterator[Row]:
    """The headings, then the rows that aren't blank; raises ``Unreadable`` where it can't go on."""
    rows = (
        _sheet_rows(content, reading.sheet)
        if reading.sheet
        else _csv_rows(_decoded(content, reading.encoding), reading.separator)
    )
    count = -1
    for number, cells in rows:
        while cells and not cells[-1].strip():
            cells.pop()
        if not cells:
            continue
        if len(cells) > COLUMNS:
            raise Unreadable(f"Row {number:,} has {len(cells):,} cells; at most {COLUMNS} columns can be read.")
        count += 1
        if count > ROWS:
            raise Unreadable(
                f"It has more than {ROWS:,} rows below its headings. Split it into files of at most {ROWS:,} rows each."
            )
        yield Row(number, cells)
    if count < 0:
        raise Unreadable("It is empty.")
    if not count:
        raise Unreadable("It has headings, but no rows below them.")


# CSV


def _encoding_of(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return encoding
    # Without a mark, UTF-16 shows by the zero byte that every second byte of Latin text is.
    sample = content[:_SAMPLE]
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if sample[offset::2].count(0) * 5 > len(sample):
            return encoding
    for encoding in ("utf-8", "cp1252", "cp1250"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise Unreadable("Its letters can’t be read: it is neither Unicode nor a Windows encoding. Save it as “CSV UTF-8”.")


def _decoded(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"line {line:,} holds a byte (0x{content[error.start]:02X}) that has no place in it"
        raise Unreadable(f"It isn’t {ENCODINGS[encoding]}: {what}.") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable(f"It isn’t a text file, or its letters are read wrongly: line {line:,} holds a zero byte.")
    return text


def _separator_of(text: str) -> str:
    if told := _SEPARATOR_LINE.match(text):
        return told[1]
    return max(SEPARATORS, key=lambda separator: _fit(text, separator))


def _fit(text: str, separator: str) -> tuple[bool, bool, float, int]:
    """How well a separator suits: it parts the headings, quoting is sound, rows are as wide as they are, and wide."""
    widths: list[int] = []
    sound = True
    try:
        for _, cells in islice(_csv_rows(text[:_SAMPLE], separator), 100):
            if any(cells):
                widths.append(len(cells))
    except Unreadable:
        # The sample may end within quotes.
        sound = len(text) > _SAMPLE and len(widths) > 1
    width = widths[0] if widths else 0
    return width > 1, sound, widths.count(width) / max(len(widths), 1), width


def _csv_rows(text: str, separator: str) -> Iterator[Row]:
    text = _SEPARATOR_LINE.sub("", text, count=1) if _SEPARATOR_LINE.match(text) else text
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(_why(str(error), number)) from None
        yield Row(number, cells)


def _why(error: str, number: int) -> str:
    if "unexpected end" in error:
        return f"A quotation mark that opens in row {number:,} is never closed."
    if "expected after" in error:
        told = f"Row {number:,} has text right behind a closing quotation mark."
        return f"{told} A quotation mark within quotes is written twice."
    if "field limit" in error:
        limit = csv.field_size_limit()
        return f"Row {number:,} has a cell of more than {limit:,} characters; perhaps a quotation mark is never closed."
    return f"Row {number:,} can’t be read as CSV."


# XLSX


def _book(content: bytes) -> Any:
    try:
        with ZipFile(BytesIO(content)) as archive:
            names = archive.namelist()
            unpacked = sum(part.file_size for part in archive.infolist())
    except BadZipFile:
        raise Unreadable(_DAMAGED) from None
    if "xl/workbook.xml" not in names:
        raise Unreadable("It is no Excel file (.xlsx). Save the sheet as .xlsx or as CSV.")
    if unpacked > UNPACKED_BYTES:
        raise Unreadable(f"It unpacks to {unpacked // 1024**2:,} MB, and {UNPACKED_BYTES // 1024**2} MB is the most.")
    try:
        return load_workbook(BytesIO(content), read_only=True, data_only=True, keep_links=False)
    except Exception:  # whatever a broken file makes of it
        raise Unreadable(_DAMAGED) from None


def _sheet_rows(content: bytes, title: str) -> Iterator[Row]:
    book = _book(content)
    if title not in book.sheetnames:
        raise Unreadable(f"It has no sheet “{title}”.")
    sheet = book[title]
    # What a file says about its size may be wrong.
    sheet.reset_dimensions()
    rows = sheet.iter_rows()
    number = 0
    while True:
        number += 1
        try:
            cells = [_text(cell) for cell in next(rows)]
        except StopIteration:
            return
        except Exception:  # whatever a broken file makes of it
            raise Unreadable(_DAMAGED) from None
        yield Row(number, cells)


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return str(unescape(value))
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(value, date | time):
        return value.isoformat()
    # Fifteen digits are what a sheet shows of a number: 0.1 + 0.2 is 0.3 there.
    text = f"{Decimal(f'{value:.15g}'):f}"
    # "00301" in a column of numbers is 301 with a format of zeros.
    digits = str(cell.number_format)
    return text.rjust(len(digits), "0") if set(digits) == {"0"} else text
