"""Phoenix frames in both versions of the serializer: an object in vsn 1.0.0, an array in vsn 2.0.0.

Payloads go out as JSON text, not as values: an event is encoded once however many sockets receive it, and `numeric`
keeps its digits.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Vsn(StrEnum):
    V1 = "1.0.0"
    V2 = "2.0.0"


class MalformedFrame(ValueError):
    """The text isn't a Phoenix frame; the real server ignores such frames, and so do we."""


@dataclass(frozen=True, slots=True)
class ClientFrame:
    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: dict[str, Any]


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def decode(text: str, vsn: Vsn) -> ClientFrame:
    try:
        raw = json.loads(text, parse_constant=_refuse)
        if "\\u" in text:
            # An escape can make half a surrogate pair, which couldn't be encoded in any answer.
            compact(raw).encode()
    except (ValueError, RecursionError) as error:
        raise MalformedFrame("not JSON") from error
    if vsn is Vsn.V2:
        if not isinstance(raw, list) or len(raw) != 5:
            raise MalformedFrame("not an array of five")
        join_ref, ref, topic, event, payload = raw
    else:
        if not isinstance(raw, dict):
            raise MalformedFrame("not an object")
        join_ref, ref = raw.get("join_ref"), raw.get("ref")
        topic, event, payload = raw.get("topic"), raw.get("event"), raw.get("payload")
    if not isinstance(topic, str) or not isinstance(event, str):
        raise MalformedFrame("no topic or no event")
    return ClientFrame(_ref(join_ref), _ref(ref), topic, event, payload if isinstance(payload, dict) else {})


def _refuse(constant: str) -> None:
    raise MalformedFrame(f"{constant} is not JSON")


def _ref(value: Any) -> str | None:
    return None if value is None else str(value)


def push(vsn: Vsn, topic: str, event: str, payload: str, *, join_ref: str | None = None, ref: str | None = None) -> str:
    """One frame to a client; `payload` is JSON text."""
    if vsn is Vsn.V2:
        return f"[{compact(join_ref)},{compact(ref)},{compact(topic)},{compact(event)},{payload}]"
    return f'{{"ref":{compact(ref)},"event":{compact(event)},"topic":{compact(topic)},"payload":{payload}}}'


def reply(vsn: Vsn, frame: ClientFrame, status: str, response: Any, *, joined: bool = True) -> str:
    """The answer to `frame`; only a topic that is (or was) joined has a join_ref in it."""
    payload = compact({"status": status, "response": response})
    join_ref = frame.join_ref if joined else None
    return push(vsn, frame.topic, "phx_reply", payload, join_ref=join_ref, ref=frame.ref)


def close(vsn: Vsn, topic: str, join_ref: str | None) -> str:
    return push(vsn, topic, "phx_close", "{}", join_ref=join_ref, ref=join_ref)


def system_payload(channel: str, status: str, extension: str, message: str) -> str:
    return compact({"message": message, "status": status, "extension": extension, "channel": channel})
