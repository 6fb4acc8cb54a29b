"""Links an account here with a person of the app that the database was adopted from.

``assigned_to``, ``author_id`` and the app's claims all name people by one id. So an account that is linked takes the
person's id as its own: whatever the app assigned to them is theirs here, and the other way round.
"""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from project.accounts.models import User
from realtime.database.app_people import is_of_the_app
from realtime.database.tables import live_models


def check_link(user: User, key: UUID) -> None:
    """Raises ``ValidationError`` when the account can't take this id."""
    if key == user.pk:
        return
    if taken := User.objects.filter(pk=key).first():
        raise ValidationError(f"The account “{taken.username}” has this id already.")
    if not is_of_the_app(key):
        raise ValidationError(f"The app has nobody with the id {key}. Look it up in the table of its people.")


@transaction.atomic
def link(user: User, key: UUID) -> User:
    """Gives an account another id, with everything that is its own; whoever uses it has to sign in again.

    Raises ``ValidationError``.
    """
    before = user.pk
    check_link(user, key)
    if key == before:
        return user
    with connection.cursor() as cursor:
        # Foreign keys are checked at the end.
        cursor.execute("update accounts_user set id = %s where id = %s", [key, before])
        for table, column in _naming_users():
            place, name = connection.ops.quote_name(table), connection.ops.quote_name(column)
            cursor.execute(f"update {place} set {name} = %s where {name} = %s", [key, before])
        cursor.execute("update realtime_change set actor = %s where actor = %s", [str(key), str(before)])
        cursor.execute("set constraints all immediate")
    return User.objects.get(pk=key)


def _naming_users() -> list[tuple[str, str]]:
    """Every column that holds the id of an account, with a foreign key or without."""
    relations: Any = User._meta.related_objects
    pointing = {
        (relation.field.model._meta.db_table, str(relation.field.column))
        for relation in (*relations, *User._meta.get_fields(include_hidden=True))
        if relation.auto_created and not relation.concrete and not relation.many_to_many
    }
    staff = {
        (model._meta.db_table, str(field.column))
        for model in live_models()
        for field in model._meta.concrete_fields
        if field.column in ("assigned_to", "author_id", "created_by")
    }
    return sorted(pointing | staff)
