"""Which tables the engine follows: the live ones, those that say who people are and what they may see, personal ones.

People and their rights aren't live. The change log only notes that one of these tables changed, without a row or a
value; the sweep reports it as a reset of the table, so that views which name it and all rights are reread at once.

A personal table has rows that each belong to one person and are shown to nobody else. It isn't published to Supabase:
the change log notes whose rows changed, and the views of those people are read again.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string


def import_repository(path: str) -> Any:
    """A class that ``settings.REALTIME_REPOSITORIES`` names. Raises ImproperlyConfigured when it can't be imported."""
    try:
        return import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"REALTIME_REPOSITORIES names '{path}', which can't be imported: {error}") from None


def live_models() -> tuple[Any, ...]:
    """The model of every live table of this installation, in the order of the settings."""
    return tuple(model for path in settings.REALTIME_REPOSITORIES for model in import_repository(path).models)


def live_tables() -> tuple[str, ...]:
    """Every live table of this installation, in the order of the settings."""
    return tuple(model._meta.db_table for model in live_models())


def people_table() -> str:
    """The table with the staff names that lists show."""
    return str(get_user_model()._meta.db_table)


def related_tables() -> tuple[str, ...]:
    """People, and everything that gives them rights."""
    # The stubs know neither our user model nor the tables of many-to-many fields.
    user: Any = get_user_model()
    through = (user.groups.through, user.user_permissions.through, Group.permissions.through)
    return (people_table(), *(str(model._meta.db_table) for model in through))


_personal: list[str] = []


def register_personal(table: str) -> None:
    """An app says at its start that a migration of its own has made a table personal (``schema.PersonalTable``)."""
    _personal.append(table)


def personal_tables() -> tuple[str, ...]:
    """Tables whose rows are each one person's alone."""
    return tuple(_personal)
