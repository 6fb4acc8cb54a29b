"""What the lists of ticketing share."""

from typing import Any, ClassVar
from uuid import UUID

from realtime.database.tables import people_table
from realtime.live.definition import Params
from realtime.live.lists import LiveList
from realtime.live.rendering import fragment, rows
from realtime.live.row_version import versioned
from realtime.live.snapshot import Snapshot

# Any change to a comment moves its ticket's last activity.
COMMENT_COLUMNS = frozenset({"ticket_id", "author_id", "content"})

# Rows show a ticket's assignee and a comment's author; people aren't live, so any change to them counts.
PEOPLE: dict[str, frozenset[str]] = {people_table(): frozenset()}


def clean_key(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return ""


class ShortList(LiveList):
    """The first rows and how many more there are, without pages: one list among others.

    ``templates`` + ``_row.html`` shows a row; ``_rest.html`` says that there are none, or how many aren't shown.
    """

    templates: ClassVar[str]

    def snapshot(self, params: Params) -> Snapshot:
        found = list(versioned(self.queryset(params))[: self.page_size])
        count = self.count(params)
        rest = params | {"is_empty": not found, "more": max(0, count - len(found)), "shown": len(found)}
        return Snapshot(
            rows=tuple(rows.render(f"{self.templates}/_row.html", row, self.row_state(row)) for row in found),
            count=self.count_text(count),
            parts={"rest": fragment(f"{self.templates}/_rest.html", rest)},
        )
