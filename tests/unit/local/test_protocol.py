"""Phoenix frames of both versions."""

import json
from typing import Any

import pytest

from realtime.local.realtime_server import protocol
from realtime.local.realtime_server.protocol import ClientFrame, MalformedFrame, Vsn

UNANSWERABLE = [
    '{"topic":"a","event":"\\ud800","payload":{}}',
    '{"topic":"a","event":"b","payload":{"x":NaN}}',
    '[null,null,"a","\\udfff",{}]',
    '[null,null,"a","b",{"x":Infinity}]',
]


def test_both_versions_decode_to_the_same_frame() -> None:
    expected = ClientFrame("1", "2", "realtime:a", "phx_leave", {"x": 1})
    first = '{"topic":"realtime:a","event":"phx_leave","payload":{"x":1},"ref":"2","join_ref":"1"}'
    assert protocol.decode(first, Vsn.V1) == expected
    assert protocol.decode('["1","2","realtime:a","phx_leave",{"x":1}]', Vsn.V2) == expected


def test_absent_parts_are_null_or_empty() -> None:
    frame = protocol.decode('{"topic":"phoenix","event":"heartbeat","payload":null}', Vsn.V1)
    assert frame == ClientFrame(None, None, "phoenix", "heartbeat", {})
    assert protocol.decode('[null,9,"phoenix","heartbeat",[]]', Vsn.V2).ref == "9"


@pytest.mark.parametrize(
    "text", ["", "not json", "{}", "[]", "[1,2,3,4,5]", "3", '{"topic":"a"}', "[" * 10_000, *UNANSWERABLE]
)
@pytest.mark.parametrize("vsn", list(Vsn))
def test_malformed_frames_raise(text: str, vsn: Vsn) -> None:
    with pytest.raises(MalformedFrame):
        protocol.decode(text, vsn)


@pytest.mark.parametrize(
    ("vsn", "expected"),
    [
        (Vsn.V1, {"ref": None, "event": "system", "topic": "realtime:é", "payload": {"a": "é"}}),
        (Vsn.V2, ["1", None, "realtime:é", "system", {"a": "é"}]),
    ],
)
def test_push(vsn: Vsn, expected: Any) -> None:
    text = protocol.push(vsn, "realtime:é", "system", '{"a":"é"}', join_ref="1")
    assert text == json.dumps(expected, ensure_ascii=False, separators=(",", ":"))


def test_replies_to_what_was_never_joined_have_no_join_ref() -> None:
    frame = ClientFrame("1", "2", "t", "e", {})
    joined = json.loads(protocol.reply(Vsn.V2, frame, "ok", {}))
    unjoined = json.loads(protocol.reply(Vsn.V2, frame, "ok", {}, joined=False))
    assert (joined[:2], unjoined[:2]) == (["1", "2"], [None, "2"])


def test_close_names_the_join() -> None:
    assert json.loads(protocol.close(Vsn.V1, "t", "4")) == {
        "ref": "4",
        "event": "phx_close",
        "topic": "t",
        "payload": {},
    }
    assert json.loads(protocol.close(Vsn.V2, "t", "4")) == ["4", "4", "t", "phx_close", {}]
