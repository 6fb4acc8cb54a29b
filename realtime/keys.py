"""The keys of live rows: UUIDs, or whole numbers as Supabase's table editor makes them; one kind for all tables.

``settings.LIVE_KEYS`` says which, as long as a process runs. People and the engine's own rows have UUIDs in any case.
"""

import re
import uuid
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.urls import register_converter

Key = UUID | int

UUIDS = settings.LIVE_KEYS == "uuid"
# The type in PostgreSQL, for casts.
KEY_TYPE = "uuid" if UUIDS else "bigint"

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,18}")


def read_key(text: object) -> Key:
    """Raises ``ValueError`` for what can't be the key of a live row."""
    told = str(text)
    if UUIDS:
        return UUID(told)
    if not _NUMBER.fullmatch(told) or not -(2**63) <= (number := int(told)) < 2**63:
        raise ValueError(f"'{told[:40]}' is no key")
    return number


def is_row_key(text: object) -> bool:
    try:
        read_key(text)
    except ValueError:
        return False
    return True


class RandomUUID(models.Func):
    """``gen_random_uuid()``: other Supabase clients insert without an id."""

    function = "gen_random_uuid"
    arity = 0
    output_field: "ClassVar[models.UUIDField[UUID, UUID]]" = models.UUIDField()


if TYPE_CHECKING:
    _Base = models.UUIDField[Any, Any]
else:
    _Base = models.UUIDField if UUIDS else models.BigAutoField


class LiveKey(_Base):
    """The primary key of a live table, which the database fills for whoever writes without one.

    Migrations are the same for both kinds.
    """

    if TYPE_CHECKING:
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any
        _pyi_lookup_exact_type: Any

    def __init__(self, **kwargs: Any) -> None:
        filled: dict[str, Any] = {"default": uuid.uuid4, "db_default": RandomUUID()} if UUIDS else {}
        super().__init__(**{"editable": False} | filled | kwargs)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        left = {told: value for told, value in kwargs.items() if told not in ("default", "db_default", "editable")}
        return name, "realtime.keys.LiveKey", args, left


class KeyConverter:
    """For ``<key:pk>`` in addresses: the key of a live row."""

    regex = _UUID if UUIDS else _NUMBER.pattern

    def to_python(self, value: str) -> Key:
        return read_key(value)

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(KeyConverter, "key")
