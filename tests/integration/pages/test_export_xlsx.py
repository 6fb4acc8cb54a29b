"""A list as an Excel file: read back, it holds what the list holds, and nothing in it computes."""

import asyncio
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from openpyxl.utils.escape import unescape

from realtime.pages import export, workbook
from realtime.pages.workbook import CELL_CHARACTERS
from tests.integration.conftest import Project
from tests.integration.crm.test_crm import every_right, make_user
from tests.integration.pages.test_portal import signed_in

pytestmark = pytest.mark.usefixtures("quick_pages")

NAMES = (
    "=1+1",
    "+49 30",
    "-1",
    "@x",
    "00301234",
    "1234567890123456",
    "a\x01b\ud7ff",
    "tab\tand\nbreak",
    "{=1}",
    "http://x.y",
)


@pytest.fixture
def word() -> str:
    return f"w{uuid4().hex[:10]}"


@pytest.fixture
def staff(project: Project) -> Client:
    return signed_in(make_user(*every_right()))


def body(response: Any) -> bytes:
    assert isinstance(response, StreamingHttpResponse), (response.status_code, response.content)

    async def collected() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])  # type: ignore[union-attr]

    return asyncio.run(collected())


def sheet(response: Any) -> list[list[Any]]:
    cells = openpyxl.load_workbook(BytesIO(body(response))).worksheets[0].iter_rows()
    table = []
    for row in cells:
        assert all(cell.data_type != "f" for cell in row)
        table.append([cell.value for cell in row])
    return table


@pytest.mark.any_keys
def test_texts_stay_texts_numbers_numbers_and_times_dates(project: Project, staff: Client, word: str) -> None:
    with project.connect() as sql:
        for number, name in enumerate(NAMES):
            sql.execute("insert into products (name, description, price) values (%s, %s, %s)", [name, word, number / 4])
        stored = sql.execute("select created_at from products where description = %s", [word]).fetchone()
    assert stored is not None
    response = staff.get(f"/crm/products/export.xlsx?q={word}&sort=price&size=25")
    assert response["Content-Type"] == export.XLSX_TYPE
    assert response["Content-Disposition"].endswith('.xlsx"')
    head, *rows = sheet(response)
    assert head == ["Product", "Description", "Price", "Created (UTC)", "Updated (UTC)", "Key"]
    assert [unescape(row[0]) for row in rows] == list(NAMES)
    assert [row[2] for row in rows] == [number / 4 for number in range(len(NAMES))]
    assert rows[0][3] == stored[0].astimezone(UTC).replace(tzinfo=None, microsecond=0)
    assert isinstance(rows[0][5], str)


def test_it_is_the_view_that_its_address_names(project: Project, staff: Client, word: str) -> None:
    with project.connect() as sql:
        for price in range(60):
            sql.execute("insert into products (name, price) values (%s, %s)", [f"{word} {price}", price])
    told = sheet(staff.get(f"/crm/products/export.xlsx?q={word}&price_max=39&sort=-price&size=25"))
    assert [row[0] for row in told[1:]] == [f"{word} {price}" for price in range(39, -1, -1)]


def test_what_a_sheet_cannot_hold_is_said(
    project: Project, staff: Client, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with project.connect() as sql:
        for _ in range(3):
            sql.execute("insert into products (name, description) values (%s, %s)", [word, "x" * (CELL_CHARACTERS + 1)])
    table = sheet(staff.get(f"/crm/products/export.xlsx?q={word}"))
    assert [len(row[1]) for row in table[1:]] == [CELL_CHARACTERS] * 3
    assert all(row[1].endswith("the CSV has all of it)") for row in table[1:])
    for module in (export, workbook):
        monkeypatch.setattr(module, "SHEET_ROWS", 4)
    assert len(sheet(staff.get(f"/crm/products/export.xlsx?q={word}"))) == 4
    for module in (export, workbook):
        monkeypatch.setattr(module, "SHEET_ROWS", 3)
    refused = staff.get(f"/crm/products/export.xlsx?q={word}")
    assert refused.status_code == 422
    assert "A sheet holds 2 rows below its heading, and this list has more" in refused.content.decode()
    assert f"/crm/products/export.csv?q={word}" in refused.content.decode()
    assert len(body(staff.get(f"/crm/products/export.csv?q={word}")).splitlines()) == 4


def test_a_time_that_excel_has_no_date_for_is_a_text(project: Project, staff: Client) -> None:
    customer = uuid4()
    with project.connect() as sql:
        sql.execute("insert into customers (id, name) values (%s, 'Old')", [customer])
        for when in ("1066-10-14", "2026-03-04"):
            sql.execute(
                "insert into interactions (customer_id, interaction_at) values (%s, %s)", [customer, f"{when} 00:00Z"]
            )
    rows = sheet(staff.get(f"/crm/interactions/export.xlsx?customer={customer}"))
    assert [row[2] for row in rows[1:]] == [datetime(2026, 3, 4), "1066-10-14 00:00:00"]


def test_rights_and_the_number_at_once_are_those_of_the_csv(
    project: Project, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for extension in ("csv", "xlsx"):
        assert signed_in(make_user()).get(f"/crm/products/export.{extension}").status_code == 403
        assert Client().get(f"/crm/products/export.{extension}").status_code == 302

    monkeypatch.setattr(export, "_running", asyncio.Semaphore(0))
    for extension in ("csv", "xlsx"):
        assert staff.get(f"/crm/products/export.{extension}").status_code == 503


def test_an_export_that_is_broken_off_leaves_nothing_on_the_disk(project: Project, staff: Client) -> None:
    before = set(Path(gettempdir()).glob("livedesk-export-*"))

    async def first_piece(response: Any) -> None:
        pieces = response.streaming_content
        await anext(pieces)
        await pieces.aclose()

    asyncio.run(first_piece(staff.get("/crm/products/export.xlsx")))
    assert set(Path(gettempdir()).glob("livedesk-export-*")) <= before
