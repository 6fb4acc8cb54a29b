"""Tickets, comments, files and links have a history, and what is done to them can be undone."""

from realtime.live.tracked import track
from ticketing.kinds import ATTACHMENT, COMMENT, LINK, TICKET
from ticketing.rights import may_undo_comment

track(TICKET)
track(COMMENT, "a comment on", "ticket_id", hidden=("author_id",), may_row=may_undo_comment)
# Its address and type are the storage's own.
track(ATTACHMENT, "the file", "ticket_id", hidden=("file_url", "file_type", "comment_id"))
track(LINK, "a link of", "ticket_id", hidden=("created_by",))
