from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand
from django.utils import timezone

from ticketing.file_names import FOLDER, OURS
from ticketing.files import discard, still_wanted

# A file is stored before its row is written; an upload that takes longer than this has failed.
GRACE = timedelta(hours=1)


class Command(BaseCommand):
    help = "Deletes files that no attachment has, and none that the change log still knows of."

    def handle(self, *args: Any, **options: Any) -> None:
        youngest, deleted = timezone.now() - GRACE, 0
        for names in _stored():
            wanted = still_wanted(OURS + name for name in names)
            for name in names:
                if OURS + name not in wanted and default_storage.get_modified_time(name) < youngest:
                    discard(name)
                    deleted += 1
        self.stdout.write(f"{deleted} files without an attachment were deleted.")


def _stored() -> Iterator[list[str]]:
    """The names in the storage, folder by folder."""
    try:
        folders, _ = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return
    for folder in folders:
        _, files = default_storage.listdir(f"{FOLDER}/{folder}")
        yield [f"{FOLDER}/{folder}/{file}" for file in files]
