from typing import Any

from project.chaos.followed_view import FollowedView
from project.chaos.shown import Shown

PUT = {"op": "put", "id": "a", "version": "2", "html": '<tr data-live-row data-id="a" data-version="2">'}
MISSING = {"op": "move", "id": "x", "after": None}


def attached_view() -> FollowedView:
    view = FollowedView(7, 0, Shown("token", is_list=True, rows={"a": "1"}))
    assert view.attach() == {
        "type": "attach",
        "id": 7,
        "token": "token",
        "rows": [["a", "1"]],
        "count": None,
        "parts": {},
    }
    assert view.on_attached(attached()) is None
    return view


def attached(*operations: dict[str, Any], seq: int = 4) -> dict[str, Any]:
    return {"id": 7, "view": "key", "seq": seq, "ops": list(operations)}


def test_it_follows_numbered_patches() -> None:
    view = attached_view()
    assert view.on_patch(attached(PUT, seq=5)) is None
    assert view.shown.rows == {"a": "2"}
    assert (view.seq, view.attached, view.key) == (5, True, "key")


def test_an_old_patch_is_ignored_and_a_gap_makes_it_say_again_what_it_shows() -> None:
    view = attached_view()
    assert view.on_patch(attached(MISSING, seq=4)) is None
    again = view.on_patch(attached(PUT, seq=6))
    assert again is not None
    assert again["rows"] == [["a", "1"]]
    assert (view.gaps, view.attached) == (1, False)


def test_one_attach_is_under_way_at_a_time() -> None:
    view = attached_view()
    assert view.resync() is not None
    assert view.resync() is None
    assert view.on_attached(attached(PUT)) is not None
    assert view.on_attached(attached()) is None
    assert view.attached


def test_three_mismatches_running_end_it() -> None:
    view = attached_view()
    assert view.on_patch(attached(MISSING, seq=5)) is not None
    assert view.on_attached(attached(MISSING)) is not None
    assert view.on_attached(attached(MISSING)) is None
    assert view.ended
    assert view.attach() is None
