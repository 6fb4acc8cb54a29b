"""The difference between two states: applied to the first, it gives the second. Property-based."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from realtime.live.snapshot import Fragment, Operation, Row, Shown, Snapshot, difference

KEYS = st.lists(st.sampled_from("abcdefghijkl"), unique=True)
VERSIONS = st.sampled_from("123")
PARTS = st.dictionaries(st.sampled_from(["pager", "empty"]), VERSIONS)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    rows = tuple(Row(key, version := draw(VERSIONS), f"<tr>{key}{version}") for key in draw(KEYS))
    parts = {name: Fragment(draw(VERSIONS), "html") for name in ("pager", "empty")}
    return Snapshot(rows, draw(st.sampled_from(["0", "1"])), parts)


def apply(shown: Shown, operations: list[Operation]) -> Shown:
    """What a browser does with the operations, on values."""
    rows, parts, count = dict(shown.rows), dict(shown.parts), shown.count
    order = [key for key, _ in shown.rows]
    for operation in operations:
        key = operation.get("id", "")
        match operation["op"]:
            case "remove":
                order.remove(key)
            case "count":
                count = operation["text"]
            case "part":
                parts[operation["name"]] = operation["version"]
            case "put" | "move":
                if operation["op"] == "put":
                    rows[key] = operation["version"]
                if "after" in operation:
                    if key in order:
                        order.remove(key)
                    after = operation["after"]
                    order.insert(0 if after is None else order.index(after) + 1, key)
    return Shown(tuple((key, rows[key]) for key in order), count, parts)


@given(snapshots(), snapshots())
def test_applying_the_difference_gives_the_target(before: Snapshot, after: Snapshot) -> None:
    assert apply(before.shown, difference(before.shown, after)) == after.shown


@given(snapshots())
def test_equal_states_differ_by_nothing(state: Snapshot) -> None:
    assert difference(state.shown, state) == []


@given(snapshots(), snapshots())
def test_html_travels_only_for_rows_whose_version_changed(before: Snapshot, after: Snapshot) -> None:
    puts = {operation["id"] for operation in difference(before.shown, after) if operation["op"] == "put"}
    assert puts == {row.id for row in after.rows if (row.id, row.version) not in before.shown.rows}


def test_one_row_that_moves_is_one_move() -> None:
    rows = tuple(Row(key, "1", key) for key in "abcdefgh")
    before = Snapshot(rows)
    for target in (replace(before, rows=(*rows[1:], rows[0])), replace(before, rows=(rows[-1], *rows[:-1]))):
        operations = difference(before.shown, target)
        assert [operation["op"] for operation in operations] == ["move"]


@given(snapshots(), snapshots())
def test_a_patch_and_a_difference_taken_before_it_end_in_the_same_state(before: Snapshot, after: Snapshot) -> None:
    """A socket that attaches again may get a patch first; the answer to its older state must do no harm."""
    operations = [
        operation for operation in difference(before.shown, after) if operation["op"] not in ("remove", "move")
    ]
    assert apply(after.shown, operations) == after.shown
