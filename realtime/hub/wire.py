"""The WebSocket's protocol: every frame and operation, in one place. Frames are JSON objects with a ``type``.

From the browser::

    attach   id, token, rows [[id, version], …], count, parts {name: version}   "this is what I show"
    detach   id
    ping     n
    ack      n                               frames received on this socket so far, now and then
    here     id, doing, idle, field          what the person does at the record that an attached view is about
    look     hidden                          whether the page is hidden: then it gets no patches but of counts

To the browser::

    hello     build, person, words           the first frame: what runs here, whose session it is, and a signature of
                                             the words that menus offer
    status    status, live, reason, since, fresh_at, round_trip_ms, layer_ms, doorbell
    attached  id, view, seq, ops             the difference from what the browser said it shows
    patch     view, seq, ops                 the same bytes to every socket of a view; seq grows by one
    resync    view                           the page was behind or hidden and missed something: attach again
    refused   id, reason, reload, revoked    the attach was refused; ``revoked``: for lack of the right to see it
    rights                                   what the user may do has changed since the page was painted
    words     words                          menus offer other words than before, or call them otherwise
    revoked   view, reason                   the right to see it is gone: it leaves the screen
    failed    view, reason[, id]             it can't be read for now: what is shown stays and goes stale; with an
                                             id, an attach waits for it
    healed    view                           it was read again, and every socket that follows it is up to date
    presence  at                             who is at the records that the page shows, all of them: ``<table>/<key>``
                                             to people (person, name, initials, colour, doing, idle, field) and how
                                             many more; at most one a second
    pong      n
    error     reason

Operations, in order::

    remove    id
    move      id, after                      after: id of the row before it, null for the first place
    put       id, version, html[, after, by] without ``after`` the row stays where it is; ``by`` (name, person, did)
                                             says who has just changed it, and what
    count     text
    part      name, version, html            a region's only part is ``body``
"""

import json
from typing import Any

from realtime.hub.frame import Frame
from realtime.live.snapshot import Operation, Shown
from realtime.live.whereabouts import Doing

# A page of 50 rows reports its state in 4 kB; nothing legitimate comes near this.
MESSAGE_LIMIT = 65_536
VIEWS_A_SOCKET = 40
MESSAGES_A_SECOND = 30
# Backpressure: a server that writes to a socket doesn't learn whether anybody reads, so this many frames may be unread.
FRAMES_UNDER_WAY = 256
# And this many bytes, once there are so many frames that the browser, which acknowledges every 32nd, owes an ack.
BYTES_UNDER_WAY = 2**20
FRAMES_OF_ANY_SIZE = 64

# All from the application range: Daphne's WebSocket refuses to send most of the registered ones.
CLOSE_BAD_MESSAGE = 4400
CLOSE_SIGNED_OUT = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_TRY_LATER = 4013
CLOSE_TOO_MANY = 4029
CLOSE_FAILED = 4011

MESSAGE_TYPES = ("attach", "detach", "ping", "ack", "here", "look")
# No column's name is longer.
FIELD_LENGTH = 63


class WireError(ValueError):
    """An invalid frame; the text says what is wrong with it."""


def encode(frame: dict[str, Any]) -> Frame:
    return Frame(json.dumps(frame, separators=(",", ":"), ensure_ascii=False))


def decode(text: str | None) -> dict[str, Any]:
    """Raises ``WireError`` for anything but a JSON object of a known type and an acceptable size."""
    if text is None:
        raise WireError("binary frames are not understood")
    if len(text) > MESSAGE_LIMIT:
        raise WireError(f"a message of {len(text)} characters; the limit is {MESSAGE_LIMIT}")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise WireError("not JSON") from None
    kind = message.get("type") if isinstance(message, dict) else None
    if kind not in MESSAGE_TYPES:
        raise WireError(f"unknown message type {str(kind)[:40]!r}; valid are {', '.join(MESSAGE_TYPES)}")
    return message  # type: ignore[no-any-return]


def read_attach(message: dict[str, Any]) -> tuple[int, str, Shown]:
    """The id, token and state of an attach. Raises ``WireError`` when one has the wrong type."""
    identifier, token = message.get("id"), message.get("token")
    rows, parts, count = message.get("rows", []), message.get("parts", {}), message.get("count")
    if not isinstance(identifier, int) or isinstance(identifier, bool):
        raise WireError("attach: 'id' must be an integer")
    if not isinstance(token, str):
        raise WireError("attach: 'token' must be text")
    if not isinstance(rows, list) or not all(_is_pair_of_texts(row) for row in rows):
        raise WireError("attach: 'rows' must be a list of [id, version]")
    if not isinstance(parts, dict) or not all(map(_is_pair_of_texts, map(list, parts.items()))):
        raise WireError("attach: 'parts' must map names to versions")
    if count is not None and not isinstance(count, str):
        raise WireError("attach: 'count' must be text or null")
    return identifier, token, Shown(tuple((row[0], row[1]) for row in rows), count, parts)


def read_detach(message: dict[str, Any]) -> int:
    identifier = message.get("id")
    if not isinstance(identifier, int) or isinstance(identifier, bool):
        raise WireError("detach: 'id' must be an integer")
    return identifier


def read_ack(message: dict[str, Any]) -> int:
    number = message.get("n")
    if not isinstance(number, int) or isinstance(number, bool):
        raise WireError("ack: 'n' must be an integer")
    return number


def read_here(message: dict[str, Any]) -> tuple[int, Doing, bool, str]:
    """The id of the attached view, and what the person does there, whether they are idle, and at which field."""
    identifier, doing = message.get("id"), message.get("doing")
    idle, field = message.get("idle", False), message.get("field", "")
    if not isinstance(identifier, int) or isinstance(identifier, bool):
        raise WireError("here: 'id' must be an integer")
    if doing not in list(Doing):
        raise WireError(f"here: 'doing' is {str(doing)[:40]!r}; valid are {', '.join(Doing)}")
    if not isinstance(idle, bool):
        raise WireError("here: 'idle' must be true or false")
    if not isinstance(field, str) or len(field) > FIELD_LENGTH:
        raise WireError(f"here: 'field' must be text of at most {FIELD_LENGTH} characters")
    return identifier, Doing(doing), idle, field


def read_look(message: dict[str, Any]) -> bool:
    """Whether the page is hidden."""
    hidden = message.get("hidden")
    if not isinstance(hidden, bool):
        raise WireError("look: 'hidden' must be true or false")
    return hidden


def _is_pair_of_texts(value: Any) -> bool:
    # Our ids and versions are ASCII; half a surrogate pair, sent back, couldn't even be encoded.
    return isinstance(value, list) and len(value) == 2 and all(isinstance(p, str) and p.isascii() for p in value)


def hello(build: str, person: str, words: str) -> Frame:
    return encode({"type": "hello", "build": build, "person": person, "words": words})


def status(words: dict[str, Any]) -> Frame:
    return encode({"type": "status"} | words)


def attached(identifier: int, view: str, seq: int, operations: list[Operation]) -> Frame:
    return encode({"type": "attached", "id": identifier, "view": view, "seq": seq, "ops": operations})


def patch(view: str, seq: int, operations: list[Operation]) -> Frame:
    return encode({"type": "patch", "view": view, "seq": seq, "ops": operations})


def resync(view: str) -> Frame:
    return encode({"type": "resync", "view": view})


def refused(identifier: int, reason: str, reload: bool = False, revoked: bool = False) -> Frame:
    return encode({"type": "refused", "id": identifier, "reason": reason, "reload": reload, "revoked": revoked})


def rights() -> Frame:
    return encode({"type": "rights"})


def words(signature: str) -> Frame:
    return encode({"type": "words", "words": signature})


def revoked(view: str, reason: str) -> Frame:
    return encode({"type": "revoked", "view": view, "reason": reason})


def failed(view: str, reason: str, identifier: int | None = None) -> Frame:
    told = {"type": "failed", "view": view, "reason": reason}
    return encode(told if identifier is None else told | {"id": identifier})


def healed(view: str) -> Frame:
    return encode({"type": "healed", "view": view})


def presence(at: dict[str, Any]) -> Frame:
    return encode({"type": "presence", "at": at})


# What a page takes for granted until it is told something else.
NOBODY = presence({})


def pong(number: Any) -> Frame:
    return encode({"type": "pong", "n": number if isinstance(number, int) else 0})


def error(reason: str) -> Frame:
    return encode({"type": "error", "reason": reason})
