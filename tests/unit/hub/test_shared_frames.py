"""One encoded frame for all sockets, and the short way of a browser's small messages; whatever else is uvicorn's."""

import pytest
from websockets.frames import Frame as Spoken
from websockets.frames import Opcode

from realtime.hub.frame import Frame
from realtime.hub.shared_frames import missing, small_text

LENGTHS = (0, 1, 125, 126, 127, 65_535, 65_536, 100_000)


def said(text: str | bytes, opcode: Opcode = Opcode.TEXT, fin: bool = True) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return Spoken(opcode, data, fin).serialize(mask=True)


@pytest.mark.parametrize("length", LENGTHS)
def test_an_encoded_frame_is_what_a_server_would_send(length: int) -> None:
    text = "ö" * (length // 2) + "x" * (length % 2)
    assert Frame(text).encoded == Spoken(Opcode.TEXT, text.encode()).serialize(mask=False)


def test_only_one_whole_short_text_is_taken_directly() -> None:
    assert small_text(said('{"type":"ack","n":32}')) == '{"type":"ack","n":32}'
    assert small_text(said("")) == ""
    for other in (
        said("x" * 126),
        said("one") + said("two"),
        said("cut")[:-1],
        said(b"\xff\xfe"),
        said("binary", Opcode.BINARY),
        said("part", fin=False),
        said("ping", Opcode.PING),
        Spoken(Opcode.TEXT, b"unmasked").serialize(mask=False),
        b"",
    ):
        assert small_text(other) is None


@pytest.mark.parametrize("length", LENGTHS)
def test_where_a_frame_ends_is_known_however_it_was_cut(length: int) -> None:
    stream = said("before") + said("x" * length)
    assert missing(stream, 0) == 0
    for cut in {1, len(stream) // 2, len(stream) - 1} - {0}:
        begun = missing(stream[:cut], 0)
        assert begun is None or missing(stream[cut:], begun) == 0
