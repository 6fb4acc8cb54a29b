"""Attachments' files in Django's storage.

A file is kept as long as its row, and after that as long as the change log knows of the row: a deletion can be undone.
"""

import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models.fields.json import KeyTextTransform

from realtime.models import RealtimeChange
from ticketing.file_names import OURS, new_stored_name, safe_name, stored_name, type_of
from ticketing.models import Attachment

logger = logging.getLogger(__name__)

CHUNK = 256 * 1024


class StorageFailed(Exception):
    """The storage can't be reached, or refuses."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    stored_name: str
    name: str
    type: str
    size: int

    @property
    def url(self) -> str:
        return OURS + self.stored_name


@contextmanager
def kept(files: "Iterable[File[Any]]") -> Iterator[list[StoredFile]]:
    """Stores the files for a block that writes their rows. Unless the block ends well, none of them stays.

    Raises ``StorageFailed`` when one can't be stored.
    """
    stored: list[StoredFile] = []
    try:
        for file in files:
            stored.append(_store(file))
        yield stored
    except BaseException:
        for file_ in stored:
            discard(file_.stored_name)
        raise


def _store(file: "File[Any]") -> StoredFile:
    name, place = safe_name(file.name or ""), new_stored_name()
    try:
        return StoredFile(default_storage.save(place, file), name, type_of(name), file.size)
    except Exception as error:
        # A disk that filled up may hold half of it.
        discard(place)
        logger.error("a file can't be stored (%s)", type(error).__name__)
        raise StorageFailed from error


def discard(stored_name: str) -> None:
    """Deletes a file; if that fails, `manage.py clean_attachments` finds it later."""
    try:
        default_storage.delete(stored_name)
    except Exception as error:
        # Each storage has its own errors; the row is gone, and this mustn't fail the user's work.
        logger.warning("the file %s can't be deleted (%s)", stored_name, type(error).__name__)


def forget_files(rows: list[dict[str, Any]]) -> None:
    """Deletes the files of attachments that can't come back any more: nothing knows that they were there."""
    addresses = {str(row.get("file_url")) for row in rows}
    for address in addresses - still_wanted(addresses):
        if name := stored_name(address):
            discard(name)


def still_wanted(addresses: Iterable[str]) -> set[str]:
    """Those that an attachment has, or had before a deletion that can be undone."""
    asked = list(addresses)
    deleted = RealtimeChange.objects.filter(table_name=Attachment._meta.db_table, op=RealtimeChange.Op.DELETE)
    kept = deleted.annotate(address=KeyTextTransform("file_url", "old")).filter(address__in=asked)
    rows = Attachment.objects.filter(file_url__in=asked)
    return {*rows.values_list("file_url", flat=True), *kept.values_list("address", flat=True)}


async def chunks_of(file: "File[Any]") -> AsyncIterator[bytes]:
    """Yields pieces: over ASGI, Django would read a plain iterator to its end before it sends the first byte."""
    read = sync_to_async(file.read, thread_sensitive=False)
    try:
        while chunk := await read(CHUNK):
            yield chunk
    finally:
        await sync_to_async(file.close, thread_sensitive=False)()
