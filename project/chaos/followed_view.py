"""One live element and its conversation with the server: static/js/live/live-view.js without a page."""

from typing import Any

from project.chaos.shown import MismatchError, Shown

MISMATCHES_UNTIL_RELOAD = 3


class FollowedView:
    """Each method that takes a frame returns what to send next, or None."""

    def __init__(self, identifier: int, index: int, shown: Shown) -> None:
        self.id = identifier
        # Which of the page's live elements it is.
        self.index = index
        self.shown = shown
        self.key: str | None = None
        self.seq: int | None = None
        # Why nothing more will come; a person would have to reload now.
        self.ended = ""
        self.gaps = 0
        self.mismatches = 0
        self.waiting = False
        # The server can't read it for now, and says when it can again.
        self.failed = False
        self._again = False
        self._failures = 0

    @property
    def attached(self) -> bool:
        return self.seq is not None

    def attach(self) -> dict[str, Any] | None:
        if self.ended:
            return None
        if self.waiting:
            self._again = True
            return None
        self.waiting, self._again, self.seq = True, False, None
        return {"type": "attach", "id": self.id, "token": self.shown.token, **self.shown.told()}

    def lost(self) -> None:
        self.waiting, self._again, self.failed, self.seq = False, False, False, None

    def end(self, reason: str) -> None:
        self.ended, self.key = reason, None
        self.lost()

    def on_attached(self, frame: dict[str, Any]) -> dict[str, Any] | None:
        if not self.waiting:
            return None
        self.waiting, self.failed = False, False
        self.key = frame["view"]
        if not self._apply(frame["ops"]):
            return self._mismatched()
        if self._again:
            return self.attach()
        self._failures = 0
        self.seq = frame["seq"]
        return None

    def on_patch(self, frame: dict[str, Any]) -> dict[str, Any] | None:
        if self.seq is None or frame["seq"] <= self.seq:
            return None
        if frame["seq"] != self.seq + 1:
            self.gaps += 1
            return self.resync()
        if not self._apply(frame["ops"]):
            return self._mismatched()
        self.seq = frame["seq"]
        return None

    def resync(self) -> dict[str, Any] | None:
        self.seq = None
        return self.attach()

    def _apply(self, operations: list[dict[str, Any]]) -> bool:
        try:
            self.shown.apply(operations)
        except MismatchError:
            return False
        return True

    def _mismatched(self) -> dict[str, Any] | None:
        self.mismatches += 1
        self._failures += 1
        if self._failures < MISMATCHES_UNTIL_RELOAD:
            return self.resync()
        self.end("three differences running could not be applied")
        return None
