"""A ticket's comments."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from realtime.live.definition import Params, register
from realtime.live.lists import COUNT_LIMIT, PLACES, LiveList, Related
from realtime.live.regions import EditingRegion
from realtime.live.rendering import fragment
from realtime.live.row_version import versioned
from realtime.live.snapshot import Snapshot
from realtime.live.sorting import by_time
from ticketing.kinds import ATTACHMENT, COMMENT
from ticketing.live.lists import PEOPLE
from ticketing.models import Attachment
from ticketing.people import name_of

ATTACHMENT_COLUMNS = frozenset({"ticket_id", "comment_id", "file_name", "file_url", "file_type", "file_size"})


@register
class Conversation(LiveList):
    """A ticket's comments, the oldest first, as people talk; its page begins with the latest."""

    kind = COMMENT
    page_size = 100
    sorts: ClassVar = {"created": by_time("created_at")}
    default_sort = "created"
    starts_at_end = True
    deciding = frozenset({"ticket_id"})
    related: ClassVar = {
        ATTACHMENT.table: Related(ATTACHMENT_COLUMNS, back="comment_id"),
        **{table: Related(columns) for table, columns in PEOPLE.items()},
    }

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"ticket": str(UUID(str(raw["ticket"]))), **self.place(raw, self.order({}))}

    def query_string(self, params: Params) -> str:
        # Its pages are pages of the ticket, whose key is in the address already.
        return super().query_string({name: value for name, value in params.items() if name in PLACES})

    def members(self, params: Params, by_row: bool = False) -> "QuerySet[Any]":
        return self.rows().filter(ticket=params["ticket"])

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        files = Prefetch("attachments", versioned(Attachment.objects.all()), to_attr="files")
        comments: QuerySet[Any] = queryset.annotate(author_name=name_of("author_id")).prefetch_related(files)
        return comments

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        return (instance.author_name, tuple((str(file.pk), file.row_version) for file in instance.files))

    def snapshot(self, params: Params) -> Snapshot:
        page, count = self.read_page(params), self.count(params)
        steps = self.steps(params, page) | {"is_empty": not page.rows and not page.has_previous}
        return Snapshot(
            rows=self.render(page.rows),
            count=self.count_text(count),
            parts={
                "earlier": fragment(f"{COMMENT.templates}/_earlier.html", steps),
                "later": fragment(f"{COMMENT.templates}/_later.html", steps),
            },
            keys=self.keys_of(page.rows),
            window=page.window,
            counts=count <= COUNT_LIMIT,
        )


@register
class CommentEditing(EditingRegion):
    """For everybody who sees the comment: an author needs no further right to edit an own one."""

    kind = COMMENT
    verb = "view"
    template = "ticketing/comments/_editing.html"
