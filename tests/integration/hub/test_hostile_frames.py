"""Random hostile frames: each is answered or its socket closed, and nobody else notices.

The long form: STEPS=10000 SEEDS=7 bin/test tests/integration/hub/test_hostile_frames.py
"""

import json
import os
import random
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed

from tests.anything import seed_of
from tests.integration.hub.test_socket import Invite, Person, insert, invite, list_token, live_site, server, sql, word

__all__ = ["invite", "live_site", "server", "sql", "word"]

STEPS = int(os.environ.get("STEPS", "200"))
SEEDS = os.environ.get("SEEDS", "any").split()
# As many as a socket survives if none of them is understood.
FRAMES_A_SOCKET = 12

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 1e300, "", " ", "x", "\0", "\u202e", "1", "é" * 100, "x" * 5000),
    *([], {}, [[]], [["a", "b"]], [["a"]], [[1, 2]], [["é", "b"]], {"a": "b"}, {"a": 1}, {"rows": []}, "viewing"),
)
FIELDS = ("id", "token", "rows", "count", "parts", "n", "doing", "idle", "field", "seq", "view", "type", "frames")
TYPES = ("attach", "detach", "ping", "ack", "here", "hello", "patch", "", None, 7, "ATTACH", "x" * 300)

BROKEN = ("", "{", "[]", "null", "7", '"x"', "{}" * 50, "[" * 5000, '{"type": NaN}', "\0", "{'a': 1}")


def any_frame(chance: random.Random, token: str) -> str | bytes:
    match chance.randrange(8):
        case 0:
            return chance.choice(
                ("", "{", "[]", "null", "7", '"x"', "{}" * 50, "[" * 5000, '{"type": NaN}', "\0", "{'a': 1}")
            )
        case 1:
            return chance.randbytes(chance.randint(0, 200))
        case 2:
            text = json.dumps({"type": "attach", "id": 1, "token": token, "rows": [["a", "b"]], "parts": {}})
            place = chance.randrange(len(text))
            return text[:place] + chance.choice(("", "\0", '"', "}", "é", "9" * 50)) + text[place + 1 :]
        case _:
            told = {chance.choice(FIELDS): chance.choice((*ODD, token)) for _ in range(chance.randint(0, 6))}
            return json.dumps({"type": chance.choice(TYPES), **told})


@pytest.mark.parametrize("seed", SEEDS)
def test_hostile_frames_disturb_nobody_and_are_told_nothing(
    invite: Invite, sql: "psycopg.Connection[Any]", word: str, seed: str
) -> None:
    chance = random.Random(seed_of(seed))
    secret = insert(sql, word)
    stranger: Person = invite()
    bystander = invite("view_product").open()
    token = list_token(word)
    assert bystander.attach(token)["type"] == "attached"
    for _ in range(max(1, STEPS // FRAMES_A_SOCKET)):
        socket = stranger.open()
        with suppress(ConnectionClosed):
            for _ in range(FRAMES_A_SOCKET):
                socket.say(any_frame(chance, token))
            socket.connection.close()
            while True:
                socket.next()
        assert not any(word in text or secret in text for text in socket.raw)
        stranger.sockets.remove(socket)
    assert bystander.is_undisturbed()
    sql.execute("update products set description = 'still live' where id = %s", [secret])
    bystander.until_says("still live")
    log = (stranger.site.logs / "web.log").read_text()
    assert "Traceback" not in log
