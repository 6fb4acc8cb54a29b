"""Tables that aren't live, but on which what pages show depends: who people are, and what they may see.

The change log notes without a row or a value that something in them changed. The sweep tells it as a reset of the
table: views that name it are read again, and rights are looked at at once.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group


def people_table() -> str:
    """Whose rows hold the names that lists show of staff."""
    return str(get_user_model()._meta.db_table)


def related_tables() -> tuple[str, ...]:
    """People, and everything that gives them rights."""
    # The stubs know neither our user model nor what lies between many and many.
    user: Any = get_user_model()
    through = (user.groups.through, user.user_permissions.through, Group.permissions.through)
    return (people_table(), *(str(model._meta.db_table) for model in through))
