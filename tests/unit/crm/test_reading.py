"""Files as people have them: every encoding, separator and quoting gives the same rows, or a sentence."""

import csv
from datetime import date, datetime, time
from io import BytesIO, StringIO
from zipfile import ZipFile

import openpyxl
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from crm.importing import reading
from crm.importing.amounts import Ambiguous, plain_number
from crm.importing.reading import Reading, Unreadable, reading_of, rows_of, sheets_of

QUICK = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.filter_too_much])

HEADINGS = ["Name", "Email", "Phone"]
# What each can hold. The line break and the separators are what quoting is for.
ASCII = "abcXYZ019 ,;\t|\"'\n=@-"
LETTERS = {
    "utf-8": ASCII + "äßéñ€łśżЯδ日🙂",
    "utf-8-sig": ASCII + "äßéñ€łśżЯδ日🙂",
    "utf-16": ASCII + "äßéñ€łśżЯδ日🙂",
    "utf-16-le": ASCII + "äßéñ",
    "utf-16-be": ASCII + "äßéñ",
    "cp1252": ASCII + "äßéñ€œ’",
}


@st.composite
def files(draw: st.DrawFn) -> tuple[list[list[str]], bytes, str]:
    encoding = draw(st.sampled_from(sorted(LETTERS)))
    cell = st.text(st.sampled_from(LETTERS[encoding]), max_size=12)
    rows = draw(st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=8))
    separator = draw(st.sampled_from(sorted(reading.SEPARATORS)))
    end = draw(st.sampled_from(["\r\n", "\n", "\r"]))
    # Python's writer leaves a line break unquoted that isn't the file's own.
    quoting = csv.QUOTE_ALL if end == "\r" else draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    text = StringIO()
    csv.writer(text, delimiter=separator, quoting=quoting, lineterminator=end).writerows([HEADINGS, *rows])  # type: ignore[arg-type]
    return rows, text.getvalue().encode(encoding), separator


def read(content: bytes) -> list[tuple[int, list[str]]]:
    return [(row.number, row.cells) for row in rows_of(content, reading_of(content))]


def expected(rows: list[list[str]]) -> list[tuple[int, list[str]]]:
    """Blank rows are left out but counted, and so are blank cells at the end of a row."""
    told = []
    for number, row in enumerate([HEADINGS, *rows], start=1):
        while row and not row[-1].strip():
            row = row[:-1]
        if row:
            told.append((number, row))
    return told


@settings(QUICK, max_examples=300)
@given(files())
def test_encodings_separators_and_quoting_make_no_difference(file: tuple[list[list[str]], bytes, str]) -> None:
    rows, content, separator = file
    assume(len(expected(rows)) > 1)
    if not content.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\0" not in content:
        # Some bytes are right in two encodings; then it is Unicode.
        try:
            assume(content.decode("utf-8-sig") == content.decode("cp1252"))
        except UnicodeDecodeError:
            pass
        else:
            assume(content.isascii())
    assert reading_of(content).separator == separator
    assert read(content) == expected(rows)


CELLS = st.one_of(
    st.text(st.sampled_from(LETTERS["utf-8"] + "_x0041"), min_size=1, max_size=12).filter(
        lambda text: bool(text.strip()) and not text.startswith("=")
    ),
    st.integers(-(10**14), 10**14),
    st.decimals(0, 10**9, places=2),
    st.dates(date(1950, 1, 1), date(2100, 1, 1)),
    st.booleans(),
)


@settings(QUICK, max_examples=40)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
@example([(0.1 + 0.2, datetime(2026, 3, 4, 5, 6, 7))])
@example([(1e-7, time(5, 6))])
def test_a_sheet_holds_what_it_shows(rows: list[tuple[object, object]]) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Name", "Price"])
    for row in rows:
        book.active.append(row)
    file = BytesIO()
    book.save(file)
    content = file.getvalue()
    assert reading_of(content) == Reading(sheet="Sheet")
    assert [row.cells for row in rows_of(content, Reading(sheet="Sheet"))][1:] == [[*map(shown, row)] for row in rows]


def shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return "0.3" if value > 0.1 else "0.0000001"
    if isinstance(value, datetime | date | time):
        return str(value)
    return str(value) if isinstance(value, str) else f"{float(value):.15g}"  # type: ignore[arg-type]


def sheet(rows: list[list[object]], title: str = "People", **more: str) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for name, state in more.items():
        book.create_sheet(name, 0).sheet_state = state
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_number_with_a_format_of_zeros_keeps_them_and_hidden_sheets_come_last() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Phone"])
    book.active["A2"] = 301
    book.active["A2"].number_format = "00000"
    file = BytesIO()
    book.save(file)
    assert read(file.getvalue())[1] == (2, ["00301"])
    assert sheets_of(sheet([["Name"], ["Anna"]], Lists="hidden", Other="visible")) == ["Other", "People", "Lists"]


def zipped(**parts: bytes) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "It is empty."),
        (b" \r\n ", "It is empty."),
        (b"Name,Email\n", "It has headings, but no rows below them."),
        (b'Name,Email\nAnna,"a\nBert,b\n', "A quotation mark that opens in row 2 is never closed."),
        (b'Name,Email\nAnna,a\n"B" x,b\n', "Row 3 has text right behind a closing quotation mark."),
        (b"Name\n" + b"x" * 140_000, "Row 2 has a cell of more than 131,072 characters"),
        (b"Name\nAn\0na\n", "line 2 holds a zero byte"),
        (b"Name\n\x81\x8d\x83\n", "Its letters can’t be read"),
        (b"%PDF-1.7", "It is a PDF."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "It is an old Excel file (.xls) or one with a password."),
        (b"PK\x03\x04 and no more", "it seems to be damaged"),
        (zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "It is no Excel file (.xlsx)."),
        (zipped(xl__workbook_xml=b"<no"), "it seems to be damaged"),
        ((",".join(["x"] * 201) + "\n1\n").encode(), "Row 1 has 201 cells; at most 200 columns can be read."),
        (sheet([["Name"]]), "It has headings, but no rows below them."),
    ],
)
def test_what_cannot_be_read_is_said(content: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(content)
    assert sentence in str(refused.value)


def test_too_many_rows_are_said_also_of_a_sheet_and_what_unpacks_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ROWS", 2)
    for content in (b"Name\na\n\nb\n", sheet([["Name"], ["a"], [], ["b"]])):
        assert [number for number, _ in read(content)] == [1, 2, 4]
    for content in (b"Name\na\nb\nc\n", sheet([["Name"], ["a"], ["b"], ["c"]])):
        with pytest.raises(Unreadable, match="more than 2 rows below its headings"):
            read(content)
    monkeypatch.setattr(reading, "UNPACKED_BYTES", 1024**2)
    with pytest.raises(Unreadable, match="It unpacks to 2 MB, and 1 MB is the most"):
        reading_of(zipped(xl__workbook_xml=b" " * 2 * 1024**2))


def test_what_a_person_chooses_counts() -> None:
    content = "Name;Phone\nŁódź;1\n".encode("cp1250")
    assert reading_of(content).encoding == "cp1252"
    assert [row.cells for row in rows_of(content, Reading("cp1250", ";"))][1] == ["Łódź", "1"]
    with pytest.raises(Unreadable, match=r"It isn’t Unicode \(UTF-8\): line 2 holds a byte \(0xA3\)"):
        list(rows_of(content, Reading("utf-8", ";")))
    with pytest.raises(Unreadable, match="It has no sheet “Nothing”"):
        list(rows_of(sheet([["Name"], ["Anna"]]), Reading(sheet="Nothing")))
    assert read(b"sep=|\r\nName|a,b;c\r\nx|1\r\n") == [(1, ["Name", "a,b;c"]), (2, ["x", "1"])]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234.5", "1234.5"),
        ("1234,5", "1234.5"),
        ("12,50", "12.50"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1.234.567,8", "1234567.8"),
        ("1,234,567", "1234567"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234,50", "1234.50"),
        ("1’234.50", "1234.50"),
        ("-3,5", "-3.5"),
        ("1.234", "1.234"),
        ("0,125", "0.125"),
        ("€ 12", "€ 12"),
        ("1,2,3", "1,2,3"),
        ("12,34.5", "12,34.5"),
        ("", ""),
        ("NaN", "NaN"),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, number: str) -> None:
    assert plain_number(text) == number


def test_an_amount_that_may_be_two_is_refused() -> None:
    with pytest.raises(Ambiguous) as two:
        plain_number("1,234")
    assert two.value.args == ("1234", "1.234")
