"""The name of this deploy: pages of another one are offered a reload."""

from functools import cache

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage


@cache
def build_id() -> str:
    """REALTIME_BUILD when the operator sets one, else a hash of the collected static files."""
    return settings.REALTIME_BUILD or getattr(staticfiles_storage, "manifest_hash", "") or "development"
