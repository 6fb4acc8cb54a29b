"""Who may change whose comments. The model's rights can't tell: agents change their own, managers everybody's."""

from typing import Any

from ticketing.kinds import COMMENT
from ticketing.models import Comment


def may_moderate(user: Any) -> bool:
    """Only managers have the right to delete comments: everybody's (docs/PERMISSIONS.md)."""
    return bool(user.has_perms([COMMENT.permission("change"), COMMENT.permission("delete")]))


def may_change(user: Any, comment: Comment) -> bool:
    """Edit or delete the comment: as its author, or as a manager."""
    is_own = comment.author_id == user.pk and user.has_perm(COMMENT.permission("change"))
    return is_own or may_moderate(user)
