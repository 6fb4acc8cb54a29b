import json
from typing import Any

import pytest

from realtime.hub import wire
from realtime.live.snapshot import Shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "binary"),
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 60_000, "not JSON"),
        ("[]", "attach, detach, ping"),
        ('{"type":"subscribe"}', "'subscribe'; valid are attach, detach, ping"),
        ('{"type":["attach"]}', "unknown message type"),
        ("x" * (wire.MESSAGE_LIMIT + 1), "the limit is 65536"),
    ],
)
def test_a_frame_that_is_not_ours_is_named(text: str | None, said: str) -> None:
    with pytest.raises(wire.WireError, match=said):
        wire.decode(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "1"},
        {"id": True},
        {"token": 5},
        {"rows": "abc"},
        {"rows": [["only-id"]]},
        {"rows": [[1, 2]]},
        {"parts": ["pager"]},
        {"parts": {"pager": 1}},
        {"count": 5},
    ],
)
def test_an_attach_of_wrong_types_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(wire.WireError, match=f"'{next(iter(wrong))}'"):
        wire.read_attach({"id": 1, "token": "t", "rows": [], "parts": {}, "count": None} | wrong)


def test_an_attach_says_what_it_shows() -> None:
    told = {"type": "attach", "id": 1, "token": "t", "rows": [["a", "1"]], "parts": {"pager": "2"}, "count": "1"}
    message = wire.decode(json.dumps(told))
    assert wire.read_attach(message) == (1, "t", Shown((("a", "1"),), "1", {"pager": "2"}))
