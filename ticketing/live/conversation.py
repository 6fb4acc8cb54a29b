"""A ticket's comments."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from realtime.live.definition import Params, register
from realtime.live.lists import COUNT_LIMIT, LiveList, clean_page
from realtime.live.regions import EditingRegion
from realtime.live.rendering import fragment, rows
from realtime.live.row_version import versioned
from realtime.live.snapshot import Snapshot
from ticketing.kinds import ATTACHMENT, COMMENT
from ticketing.live.lists import PEOPLE
from ticketing.models import Attachment, Comment
from ticketing.people import name_of

ATTACHMENT_COLUMNS = frozenset({"ticket_id", "comment_id", "file_name", "file_url", "file_type", "file_size"})


@register
class Conversation(LiveList):
    """A ticket's comments: the latest page first, but the oldest first within a page, as people talk."""

    kind = COMMENT
    page_size = 100
    related: ClassVar = {ATTACHMENT.table: ATTACHMENT_COLUMNS, **PEOPLE}

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"ticket": str(UUID(str(raw["ticket"]))), "page": clean_page(raw.get("page", 1))}

    def queryset(self, params: Params) -> "QuerySet[Any]":
        files = Prefetch("attachments", versioned(Attachment.objects.all()), to_attr="files")
        comments = Comment.objects.filter(ticket=params["ticket"]).order_by("-created_at", "-id")
        return comments.annotate(author_name=name_of("author_id")).prefetch_related(files)

    def count(self, params: Params) -> int:
        return Comment.objects.filter(ticket=params["ticket"]).order_by()[: COUNT_LIMIT + 1].count()

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        return (instance.author_name, tuple((str(file.pk), file.row_version) for file in instance.files))

    def snapshot(self, params: Params) -> Snapshot:
        count = self.count(params)
        pages = max(1, -(-count // self.page_size))
        page = min(params["page"], pages)
        first = (page - 1) * self.page_size
        found = list(versioned(self.queryset(params))[first : first + self.page_size])[::-1]
        steps = {"page": page, "pages": pages, "earlier": page + 1, "later": page - 1, "is_empty": not found}
        template = f"{COMMENT.templates}/_row.html"
        return Snapshot(
            rows=tuple(rows.render(template, comment, self.row_state(comment)) for comment in found),
            count=self.count_text(count),
            parts={
                "earlier": fragment(f"{COMMENT.templates}/_earlier.html", steps),
                "later": fragment(f"{COMMENT.templates}/_later.html", steps),
            },
        )


@register
class CommentEditing(EditingRegion):
    """For everybody who sees the comment: an author needs no further right to edit an own one."""

    kind = COMMENT
    verb = "view"
    template = "ticketing/comments/_editing.html"
