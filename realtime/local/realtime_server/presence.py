"""Who is present on a topic; as much of Phoenix Presence as the records show."""

import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any, Protocol


class Member(Protocol):
    """A joined channel."""

    def presence_diff(self, joins: dict[str, Any], leaves: dict[str, Any]) -> None: ...


@dataclass
class Presence:
    _members: dict[str, list[Member]] = field(default_factory=dict)
    _tracked: dict[str, dict[Member, tuple[str, dict[str, Any]]]] = field(default_factory=dict)

    def enter(self, topic: str, member: Member) -> None:
        self._members.setdefault(topic, []).append(member)

    def leave(self, topic: str, member: Member) -> None:
        members = self._members.get(topic, [])
        if member in members:
            members.remove(member)
        if not members:
            self._members.pop(topic, None)
        self.untrack(topic, member)

    def track(self, topic: str, member: Member, key: str, payload: dict[str, Any]) -> None:
        tracked = self._tracked.setdefault(topic, {})
        before = tracked.get(member)
        tracked[member] = (before[0] if before else key or str(uuid.uuid1()), _meta(payload))
        self._tell(topic, joins=_state([tracked[member]]), leaves=_state([before] if before else []))

    def untrack(self, topic: str, member: Member) -> None:
        tracked = self._tracked.get(topic, {})
        if before := tracked.pop(member, None):
            self._tell(topic, joins={}, leaves=_state([before]))
        if not tracked:
            self._tracked.pop(topic, None)

    def state(self, topic: str) -> dict[str, Any]:
        return _state(list(self._tracked.get(topic, {}).values()))

    def _tell(self, topic: str, joins: dict[str, Any], leaves: dict[str, Any]) -> None:
        for member in list(self._members.get(topic, [])):
            member.presence_diff(joins, leaves)


def _meta(payload: dict[str, Any]) -> dict[str, Any]:
    return {"phx_ref": secrets.token_urlsafe(12), **payload}


def _state(entries: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for key, meta in entries:
        state.setdefault(key, {"metas": []})["metas"].append(meta)
    return state
