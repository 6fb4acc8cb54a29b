"""What a live page shows, without a browser: reads its live elements from HTML and applies the wire's operations.

It does what static/js/live/live-list.js, live-region.js and live-patch.js do, with versions in place of content.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


class MismatchError(Exception):
    """The operations don't fit what is shown; the only remedy is to say again what is shown."""


@dataclass
class Shown:
    """One live list or region: rows in order with their versions, the count's text, and the parts' versions."""

    token: str
    is_list: bool
    rows: dict[str, str] = field(default_factory=dict)
    count: str | None = None
    parts: dict[str, str] = field(default_factory=dict)

    def state(self) -> tuple[list[tuple[str, str]], str | None, dict[str, str]]:
        return list(self.rows.items()), self.count, self.parts

    def told(self) -> dict[str, Any]:
        """The fields of an attach frame that say what is shown."""
        return {"rows": [list(row) for row in self.rows.items()], "count": self.count, "parts": self.parts}

    def apply(self, operations: list[dict[str, Any]]) -> None:
        for operation in operations:
            self._apply(operation)

    def _apply(self, operation: dict[str, Any]) -> None:
        name = operation["op"]
        if name == "part":
            self._part(operation["name"], operation["version"])
        elif not self.is_list:
            raise MismatchError(f"a region has no {name}")
        elif name == "put":
            self._put(operation)
        elif name == "move":
            self._place(operation["id"], self._version(operation["id"]), operation["after"])
        elif name == "remove":
            self.rows.pop(operation["id"], None)
        elif name == "count":
            self.count = operation["text"] if self.count is not None else None
        else:
            raise MismatchError(f"unknown op {name}")

    def _put(self, operation: dict[str, Any]) -> None:
        key, version = operation["id"], operation["version"]
        if f'data-id="{key}" data-version="{version}"' not in operation["html"]:
            raise MismatchError(f"the HTML is not the row {key} at {version}")
        if "after" in operation:
            self._place(key, version, operation["after"])
        else:
            self._version(key)
            self.rows[key] = version

    def _place(self, key: str, version: str, after: str | None) -> None:
        rest = [(other, shown) for other, shown in self.rows.items() if other != key]
        at = 0
        if after is not None:
            self._version(after)
            at = next((index + 1 for index, (other, _) in enumerate(rest) if other == after), len(rest))
        self.rows = dict([*rest[:at], (key, version), *rest[at:]])

    def _version(self, key: str) -> str:
        if key not in self.rows:
            raise MismatchError(f"no row {key}")
        return self.rows[key]

    def _part(self, name: str, version: str) -> None:
        if not self.is_list and name != "body":
            raise MismatchError(f"a region has no part {name}")
        if name in self.parts:
            self.parts[name] = version


def read_page(html: str) -> list[Shown]:
    """The live elements of a page, in document order."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Shown] = []
        # For each open element: its name, the list it begins, and the list whose count it holds.
        self._open: list[tuple[str, Shown | None, Shown | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        begun, counted = self._element(values), None
        if lists := [shown for _, shown, _ in self._open if shown is not None]:
            counted = self._inside(lists[-1], values)
        if tag not in VOID:
            self._open.append((tag, begun, counted))

    def _element(self, values: dict[str, str]) -> Shown | None:
        if token := values.get("data-live-region") or values.get("data-live-aside"):
            parts = {"body": values.get("data-version", "")}
            self.found.append(Shown(token, is_list=False, parts=parts))
        if "data-live-list" in values:
            self.found.append(Shown(values["data-live-list"], is_list=True))
            return self.found[-1]
        return None

    def _inside(self, shown: Shown, values: dict[str, str]) -> Shown | None:
        if "data-live-row" in values:
            shown.rows[values["data-id"]] = values["data-version"]
        if "data-live-part" in values:
            shown.parts[values["data-live-part"]] = values.get("data-version", "")
        if "data-live-count" in values and shown.count is None:
            shown.count = ""
            return shown
        return None

    def handle_endtag(self, tag: str) -> None:
        # HTML allows elements to stay open; an end tag that belongs to none is ignored.
        names = [name for name, _, _ in self._open]
        if tag in names:
            del self._open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        for _, _, counted in self._open:
            if counted is not None:
                counted.count = (counted.count or "") + data
