"""`bin/chaos` must see in a page what the browser would show."""

import random

import pytest

from project.chaos.shown import MismatchError, Shown, read_page
from realtime.live.snapshot import Fragment, Row, Snapshot, difference

PAGE = """<!doctype html><meta charset="utf-8"><div data-live-region="r" data-version="v1"><p>Hello<br></div>
<section data-live-list="l" data-live-state="connecting">
  <h1>Products <span class="count" data-live-count>1,204</span></h1>
  <table><tbody data-live-rows>
    <tr data-live-row data-id="a" data-version="1"><td><img src="x"><span data-live-count-not>9</span></td></tr>
    <tr data-live-row data-id="b" data-version="2"></tr>
  </tbody></table>
  <div data-live-part="pager" data-version="p1"><span>Page 1</span></div>
</section>
<div data-live-region="s" data-version="v2"></div>"""


def test_a_page_is_read_as_the_browser_reads_it() -> None:
    region, listing, last = read_page(PAGE)
    assert (region.token, region.is_list, region.parts) == ("r", False, {"body": "v1"})
    assert listing.state() == ([("a", "1"), ("b", "2")], "1,204", {"pager": "p1"})
    assert listing.told() == {"rows": [["a", "1"], ["b", "2"]], "count": "1,204", "parts": {"pager": "p1"}}
    assert last.state() == ([], None, {"body": "v2"})


@pytest.mark.parametrize("seed", range(50))
def test_the_servers_differences_lead_from_any_state_to_any_other(seed: int) -> None:
    chance = random.Random(seed)
    shown, target = random_snapshot(chance), random_snapshot(chance)
    live = Shown("token", is_list=True, rows=dict(shown.shown.rows), count=shown.count, parts=shown.shown.parts)
    live.apply(difference(shown.shown, target))
    assert live.state() == (list(target.shown.rows), target.count, target.shown.parts)


def random_snapshot(chance: random.Random) -> Snapshot:
    keys = chance.sample("abcdefghij", k=chance.randint(0, 10))
    rows = [(key, str(chance.randint(1, 3))) for key in keys]
    return Snapshot(
        tuple(
            Row(key, version, f'<tr data-live-row data-id="{key}" data-version="{version}">') for key, version in rows
        ),
        str(len(rows)),
        {"pager": Fragment(str(chance.randint(1, 2)), "")},
    )


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "move", "id": "x", "after": None},
        {"op": "move", "id": "a", "after": "x"},
        {"op": "put", "id": "x", "version": "1", "html": '<tr data-live-row data-id="x" data-version="1">'},
        {"op": "put", "id": "a", "version": "2", "html": '<tr data-live-row data-id="b" data-version="2">'},
        {"op": "dance"},
    ],
)
def test_an_operation_about_something_else_is_a_mismatch(operation: dict[str, str]) -> None:
    with pytest.raises(MismatchError):
        Shown("token", is_list=True, rows={"a": "1"}).apply([operation])


def test_a_region_has_nothing_but_its_body() -> None:
    region = Shown("token", is_list=False, parts={"body": "1"})
    region.apply([{"op": "part", "name": "body", "version": "2", "html": ""}])
    assert region.parts == {"body": "2"}
    with pytest.raises(MismatchError):
        region.apply([{"op": "count", "text": "1"}])
    with pytest.raises(MismatchError):
        region.apply([{"op": "part", "name": "pager", "version": "2", "html": ""}])
