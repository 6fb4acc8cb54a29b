from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand
from django.utils import timezone

from ticketing.file_names import FOLDER, OURS
from ticketing.files import discard
from ticketing.models import Attachment

# A file is stored before its row is written; an upload that takes longer than this has failed.
GRACE = timedelta(hours=1)


class Command(BaseCommand):
    help = "Deletes files of attachments whose rows other writers deleted, or whose own deletion failed."

    def handle(self, *args: Any, **options: Any) -> None:
        youngest, deleted = timezone.now() - GRACE, 0
        for names in _stored():
            wanted = {OURS + name for name in names}
            referenced = set(Attachment.objects.filter(file_url__in=wanted).values_list("file_url", flat=True))
            for name in names:
                if OURS + name not in referenced and default_storage.get_modified_time(name) < youngest:
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
