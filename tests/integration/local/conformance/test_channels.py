"""Channel behaviour no transcript shows: presence with members, acknowledged broadcasts, limits, stale references."""

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from realtime.local.keys import make_jwt
from tests.integration.local.conformance.harness import SECRET, RawClient, Server

PRESENT = {"config": {"presence": {"key": "me", "enabled": True}}}


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
def test_members_see_each_other_come_and_go(vsn: str, server: Server) -> None:
    with RawClient(server, vsn) as first, RawClient(server, vsn) as second:
        first.push("realtime:room", "phx_join", PRESENT, "1", "1")
        first.next("phx_reply")
        assert first.next("presence_state") == {}
        first.push("realtime:room", "presence", {"event": "track", "payload": {"u": 1}}, "2", "1")
        first.next("phx_reply")
        assert first.next("presence_diff")["joins"]["me"]["metas"][0]["u"] == 1
        second.push("realtime:room", "phx_join", PRESENT, "1", "1")
        second.next("phx_reply")
        assert second.next("presence_state")["me"]["metas"][0]["u"] == 1
        first.push("realtime:room", "phx_leave", {}, "3", "1")
        assert list(second.next("presence_diff")["leaves"]) == ["me"]


def test_broadcasts_are_acknowledged_and_dropped(server: Server) -> None:
    with RawClient(server) as client:
        client.push("realtime:b", "phx_join", {"config": {"broadcast": {"ack": True, "self": True}}}, "1", "1")
        client.next("phx_reply")
        client.push("realtime:b", "broadcast", {"type": "broadcast", "event": "x", "payload": {}}, "2", "1")
        assert client.next("phx_reply") == {"status": "ok", "response": {}}
        client.socket.send(b"\x03binary user broadcast")
        assert client.until_heartbeat() == []


def test_leaving_what_was_never_joined_is_fine(server: Server) -> None:
    with RawClient(server) as client:
        client.push("realtime:never", "phx_leave", {}, "1")
        assert client.next("phx_reply") == {"status": "ok", "response": {}}


def test_messages_of_an_older_join_are_ignored(server: Server) -> None:
    with RawClient(server) as client:
        client.join("realtime:twice", ref="1")
        client.push("realtime:twice", "phx_join", {"config": {}}, "2", "2")
        client.next("phx_reply")
        client.next("phx_close")
        client.push("realtime:twice", "phx_leave", {}, "3", "1")
        client.push("realtime:twice", "presence", {"event": "track", "payload": {}}, "4", "1")
        client.push("realtime:twice", "presence", {"event": "untrack"}, "5", "2")
        assert client.receive()["ref"] == "5"


def test_a_socket_has_at_most_a_hundred_channels(server: Server) -> None:
    with RawClient(server) as client:
        for number in range(100):
            client.join(f"realtime:{number}", ref=str(number))
        client.push("realtime:100", "phx_join", {"config": {}}, "100", "100")
        assert client.next("phx_reply")["response"] == {"reason": "ChannelRateLimitReached: Too many channels"}


@pytest.mark.parametrize(
    "frame",
    ["[]", "[1,2,3]", "null", '"text"', '{"topic":1,"event":"x"}', "[" * 5000, '{"topic":"realtime:x"}'],
)
@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
def test_malformed_frames_are_ignored(frame: str, vsn: str, server: Server) -> None:
    with RawClient(server, vsn) as client:
        client.send(frame)
        assert client.until_heartbeat() == []


def test_frames_over_five_megabytes_end_the_socket(server: Server) -> None:
    with RawClient(server) as client:
        client.push("realtime:x", "broadcast", {"payload": "x" * 5_000_000}, "1")
        with pytest.raises(ConnectionClosed):
            client.receive()
        assert client.socket.close_code == 1009


def test_the_gateways_key_is_preferred_to_the_clients(server: Server) -> None:
    headers = {"x-api-key": make_jwt(SECRET, "anon")}
    url = f"ws://{server.address}/realtime/v1/websocket?apikey=sb_publishable_x"
    with connect(url, additional_headers=headers) as socket:
        assert socket.response is not None
        assert socket.response.status_code == 101


def test_other_paths_and_versions_are_refused(server: Server) -> None:
    for path, status in (("nowhere", 404), ("realtime/v1/websocket?vsn=3.0.0", 400)):
        with pytest.raises(InvalidStatus) as refusal:
            connect(f"ws://{server.address}/{path}")
        assert refusal.value.response.status_code == status
