"""Whatever somebody chooses, each column's heading and cells stand in one place, and no row loses its name."""

import random
import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from realtime.live.definition import _definitions
from realtime.live.lists import LiveList
from realtime.pages.columns import Columns

LISTS = [one for one in _definitions.values() if isinstance(one, LiveList) and one.columns]


@pytest.mark.parametrize("listing", LISTS, ids=lambda listing: listing.name)
def test_a_row_has_a_cell_for_each_heading_in_the_same_order(listing: LiveList) -> None:
    template = get_template(f"{listing.kind.templates}/_row.html")
    cells = re.findall(r'<td[^>]* data-column="([^"]*)"', Path(template.origin.name).read_text())  # type: ignore[attr-defined]
    assert cells == [column.key for column in listing.columns]


@pytest.mark.parametrize("listing", LISTS, ids=lambda listing: listing.name)
def test_a_style_sheet_hides_or_places_every_column_once(listing: LiveList) -> None:
    chance = random.Random(7)
    keys = [column.key for column in listing.columns]
    for _ in range(50):
        order = chance.sample([*keys, "unknown", "}", "*{x}"], k=chance.randint(0, len(keys)))
        hidden = chance.sample([*keys, "body", "]"], k=chance.randint(0, len(keys)))
        columns = Columns(listing, order, hidden)
        assert columns.order[0] == keys[0]
        assert sorted(columns.order) == sorted(keys)
        assert keys[0] not in columns.hidden
        sheet = columns.stylesheet()
        gone = re.findall(r'data-column="([^"]+)"\] \{ display: none', sheet)
        placed = re.findall(r'data-column="([^"]+)"\] \{ grid-area: 1 / (\d+)', sheet)
        assert gone == columns.hidden
        assert bool(placed) is columns.is_moved
        if placed:
            shown = [key for key in columns.order if key not in gone]
            assert placed == [(key, str(number)) for number, key in enumerate(shown, 1)]
            assert sheet.count("var(--column-") == len(shown) + 1
        assert "unknown" not in sheet
        assert "*" not in sheet
        assert sheet.count("{") == sheet.count("}")
        # The address alone makes the sheet.
        asked = dict(part.split("=") for part in columns.query.split("&") if part)
        again = Columns(listing, *(asked.get(name, "").split("%2C") for name in ("order", "hide")))
        assert again.stylesheet() == sheet


def test_a_step_is_a_step_and_ends_at_the_ends() -> None:
    listing = next(one for one in LISTS if one.name == "tickets")
    columns = Columns(listing)
    first, second, last = columns.order[1], columns.order[2], columns.order[-1]
    assert columns.moved(second, -1).order[1:3] == [second, first]
    assert columns.moved(first, -1).order == columns.order
    assert columns.moved(last, 1).order == columns.order
    assert columns.moved(columns.order[0], 1).order == columns.order
    assert not columns.query
    assert not columns.stylesheet()
