"""A ticket's comments."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet

from crm.kinds import CUSTOMER
from crm.mentions import mentioned
from crm.templatetags.marked import names_in
from realtime.database.tables import related_tables
from realtime.keys import read_key
from realtime.live.definition import Concern, Params, register
from realtime.live.lists import COUNT_LIMIT, PLACES, LiveList, Page, Related
from realtime.live.regions import EditingRegion
from realtime.live.rendering import fragment
from realtime.live.row_version import versioned
from realtime.live.snapshot import Row, Snapshot
from realtime.live.sorting import by_time
from ticketing.kinds import ATTACHMENT, COMMENT, TICKET
from ticketing.live.changes import TicketChange, changes_of
from ticketing.live.lists import CUSTOMER_NAME, PEOPLE
from ticketing.models import Attachment, Ticket
from ticketing.notifying import SEES_COMMENTS
from ticketing.people import name_of

ATTACHMENT_COLUMNS = frozenset({"ticket_id", "comment_id", "file_name", "file_url", "file_type", "file_size"})


@register
class Conversation(LiveList):
    """A ticket's comments and changes, the oldest first, as people talk; its page begins with the latest.

    Its pages are pages of comments. Each shows the changes from its first comment to the next page's.
    """

    kind = COMMENT
    page_size = 100
    sorts: ClassVar = {"created": by_time("created_at")}
    default_sort = "created"
    starts_at_end = True
    deciding = frozenset({"ticket_id"})
    related: ClassVar = {
        ATTACHMENT.table: Related(ATTACHMENT_COLUMNS, back="comment_id"),
        TICKET.table: Related(frozenset({"title"}), by="merged_from_id"),
        **{table: Related(columns) for table, columns in PEOPLE.items()},
    }

    def normalise(self, raw: Mapping[str, Any]) -> Params:
        return {"ticket": str(read_key(raw["ticket"])), **self.place(raw, self.order({}))}

    def query_string(self, params: Params) -> str:
        # Its pages are pages of the ticket, whose key is in the address already.
        return super().query_string({name: value for name, value in params.items() if name in PLACES})

    def members(self, params: Params, by_row: bool = False) -> "QuerySet[Any]":
        return self.rows().filter(ticket=params["ticket"])

    def described(self, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        files = Prefetch("attachments", versioned(Attachment.objects.all()), to_attr="files")
        comments: QuerySet[Any] = queryset.annotate(author_name=name_of("author_id")).prefetch_related(files)
        return comments.prefetch_related(Prefetch("merged_from", Ticket.objects.all()))

    def render(self, instances: Iterable[Any], template: str = "") -> tuple[Row, ...]:
        """Each comment first gets the people that it mentions: those who may see it, found in one query."""
        comments = list(instances)
        names = [names_in(comment.content) for comment in comments]
        people = mentioned(set().union(*names), SEES_COMMENTS)
        for comment, own in zip(comments, names, strict=True):
            comment.mentioned = {name: people[name] for name in sorted(own & people.keys())}
        return super().render(comments, template)

    def row_state(self, instance: Any) -> tuple[Any, ...]:
        origin = instance.merged_from.title if instance.merged_from else None
        files = tuple((str(file.pk), file.row_version) for file in instance.files)
        return (instance.author_name, origin, files, tuple(instance.mentioned.items()))

    def permissions(self, params: Params) -> frozenset[str]:
        # It tells what was changed in the ticket, too.
        return frozenset({self.permission, TICKET.permission("view")})

    @property
    def tables(self) -> frozenset[str]:
        # A mention is marked for as long as its person may see the comment.
        return super().tables | {CUSTOMER.table, *related_tables()}

    def concerns(self, params: Params) -> Mapping[str, Concern]:
        return {
            **super().concerns(params),
            # It tells what was merged into its ticket, too.
            TICKET.table: Concern(frozenset({"merged_into_id"}), coming=False),
            CUSTOMER.table: Concern(frozenset(), coming=False, shown=CUSTOMER_NAME),
        }

    def snapshot(self, params: Params) -> Snapshot:
        page, count = self.read_page(params), self.count(params)
        changes = changes_of(params["ticket"], *self._stretch(page))
        steps = self.steps(params, page) | {"is_empty": not page.rows and not page.has_previous}
        return Snapshot(
            rows=merged(page.rows, self.render(page.rows), changes),
            count=self.count_text(count),
            parts={
                "earlier": fragment(f"{COMMENT.templates}/_earlier.html", steps),
                "later": fragment(f"{COMMENT.templates}/_later.html", steps),
            },
            keys=self.keys_of(page.rows)
            | {(TICKET.table, params["ticket"])}
            | {(CUSTOMER.table, key) for change in changes for key in change.customers}
            | {(TICKET.table, key) for change in changes for key in change.tickets},
            window=page.window,
            counts=count <= COUNT_LIMIT,
        )

    @staticmethod
    def _stretch(page: Page) -> tuple[datetime | None, datetime | None]:
        """From when and until when a page shows changes; None where it is the first or the last."""
        since = page.rows[0].sort_key if page.rows and page.has_previous else None
        return since, page.window.last.value if page.window.last else None


def merged(comments: Sequence[Any], rows: Sequence[Row], changes: Iterable[TicketChange]) -> tuple[Row, ...]:
    """The rows of comments, which come sorted, and changes, by time; what changed at a comment's time comes first."""
    spoken = [(comment.sort_key, 1, index) for index, comment in enumerate(comments)]
    done = list(changes)
    order = sorted([*spoken, *((change.at, 0, index) for index, change in enumerate(done))])
    return tuple(rows[index] if is_comment else done[index].row() for _, is_comment, index in order)


@register
class CommentEditing(EditingRegion):
    """For everybody who sees the comment: an author needs no further right to edit an own one."""

    kind = COMMENT
    verb = "view"
    # It names the tickets that the comment was moved from and to.
    related: ClassVar = {**PEOPLE, TICKET.table: frozenset({"title"})}
    template = "ticketing/comments/_editing.html"
