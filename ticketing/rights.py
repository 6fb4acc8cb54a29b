"""Who may change whose comments, and merge tickets.

The model's rights can't tell: agents change their own, managers everybody's.
"""

from collections.abc import Mapping
from typing import Any

from ticketing.kinds import COMMENT, TICKET
from ticketing.models import Comment


def may_moderate(user: Any) -> bool:
    """Only managers have the right to delete comments: everybody's (docs/PERMISSIONS.md)."""
    return bool(user.has_perms([COMMENT.permission("change"), COMMENT.permission("delete")]))


def may_merge(user: Any) -> bool:
    """It moves everybody's comments to another ticket."""
    return may_moderate(user) and bool(user.has_perm(TICKET.permission("change")))


def may_change(user: Any, comment: Comment) -> bool:
    """Edit or delete the comment: as its author, or as a manager."""
    is_own = comment.author_id == user.pk and user.has_perm(COMMENT.permission("change"))
    return is_own or may_moderate(user)


def may_undo_comment(user: Any, verb: str, row: Mapping[str, Any]) -> bool:
    """Bring back, change or delete a comment with these columns, by an undo: the same people may do it by hand."""
    if may_moderate(user):
        return True
    needed = COMMENT.permission("add" if verb == "add" else "change")
    return str(row.get("author_id")) == str(user.pk) and bool(user.has_perm(needed))
