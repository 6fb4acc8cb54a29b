"""What the lists of ticketing share."""

from typing import Any, ClassVar

from realtime.database.tables import people_table
from realtime.live.definition import Params
from realtime.live.lists import COUNT_LIMIT, LiveList
from realtime.live.rendering import fragment
from realtime.live.snapshot import Snapshot

# Rows show a ticket's assignee and a comment's author; people aren't live, so any change to them counts.
PEOPLE: dict[str, frozenset[str]] = {people_table(): frozenset()}

# Support groups and CRM groups both may see customers' names (docs/PERMISSIONS.md), so ticket rows show them.
CUSTOMER_NAME = frozenset({"name"})


class ShortList(LiveList):
    """The first rows and how many more there are, without pages: one list among others.

    ``templates`` + ``_row.html`` shows a row; ``_rest.html`` says that there are none, or how many aren't shown.
    """

    templates: ClassVar[str]

    def rest(self, params: Params) -> dict[str, Any]:
        """What its words of what isn't shown need."""
        return {}

    def snapshot(self, params: Params) -> Snapshot:
        page, count = self.read_page(params), self.count(params)
        shown = len(page.rows)
        rest = params | self.rest(params) | {"is_empty": not page.rows, "more": max(0, count - shown), "shown": shown}
        return Snapshot(
            rows=self.render(page.rows, f"{self.templates}/_row.html"),
            count=self.count_text(count),
            parts={"rest": fragment(f"{self.templates}/_rest.html", rest)},
            keys=self.keys_of(page.rows),
            window=page.window,
            counts=count <= COUNT_LIMIT,
        )
