"""Attachments' files in Django's storage: they exist only together with their rows."""

import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from ticketing.file_names import OURS, new_stored_name, safe_name, type_of
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


def forget_file(instance: Attachment, **kwargs: Any) -> None:
    """Signal handler for a deleted row, also one deleted with its ticket: its file goes after the commit."""
    if instance.stored_name:
        transaction.on_commit(partial(_discard_unreferenced, instance.stored_name), robust=True)


def _discard_unreferenced(stored_name: str) -> None:
    # Another writer may have copied the row; then the file is still in use.
    if not Attachment.objects.filter(file_url=OURS + stored_name).exists():
        discard(stored_name)


async def chunks_of(file: "File[Any]") -> AsyncIterator[bytes]:
    """Yields pieces: over ASGI, Django would read a plain iterator to its end before it sends the first byte."""
    read = sync_to_async(file.read, thread_sensitive=False)
    try:
        while chunk := await read(CHUNK):
            yield chunk
    finally:
        await sync_to_async(file.close, thread_sensitive=False)()
