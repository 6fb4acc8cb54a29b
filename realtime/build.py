"""The name of this deploy. Pages from another deploy are offered a reload."""

import hashlib
from functools import cache
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage


@cache
def build_id() -> str:
    """REALTIME_BUILD if the operator sets one, else a hash of what pages are made from: code, templates, files."""
    return settings.REALTIME_BUILD or _hash_of_sources()


def _hash_of_sources() -> str:
    ours = {Path(app.path) for app in apps.get_app_configs() if Path(app.path).is_relative_to(settings.BASE_DIR)}
    sources = {path for folder in ours for path in folder.rglob("*.py")}
    sources |= {path for path in (settings.BASE_DIR / "templates").rglob("*") if path.is_file()}
    whole = hashlib.sha256(str(getattr(staticfiles_storage, "manifest_hash", "")).encode())
    for path in sorted(sources):
        whole.update(str(path.relative_to(settings.BASE_DIR)).encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()[:16]
