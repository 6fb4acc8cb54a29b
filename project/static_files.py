"""What ``collectstatic`` makes of the files of ``static/``."""

import re
from collections.abc import Iterator
from posixpath import dirname, join, normpath
from typing import Any

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.base import ContentFile
from django.core.files.storage import Storage

# The stylesheet that pages ask for; it imports all others.
STYLESHEET = "css/app.css"
_IMPORT = re.compile(r'@import url\("([^"]+)"\)(?: layer\((\w+)\))?;')


class ModuleManifestStaticFilesStorage(ManifestStaticFilesStorage):
    """Hashes the names that JavaScript modules import, too, so that a deploy never mixes two versions.

    The stylesheets become one: seventy answers to seventy questions are what a first visit would wait for.
    """

    support_js_module_import_aggregation = True

    # Without the rule for source maps: of what is vendored, they are left out.
    patterns = tuple(pattern for pattern in ManifestStaticFilesStorage.patterns if pattern[0] != "*.js")

    def post_process(
        self, paths: dict[str, tuple[Storage, str]], dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str, bool] | tuple[str, None, RuntimeError]]:
        if STYLESHEET in paths:
            paths = {**paths, STYLESHEET: (_Whole(paths), STYLESHEET)}
        yield from super().post_process(paths, dry_run, **options)


class _Whole(Storage):
    """Opens a stylesheet with those that it imports in their places."""

    def __init__(self, paths: dict[str, tuple[Storage, str]]) -> None:
        self._paths = paths

    def _open(self, name: str, mode: str = "rb") -> "ContentFile[bytes]":
        return ContentFile(self._read(name).encode())

    def _read(self, name: str) -> str:
        storage, path = self._paths[name]
        with storage.open(path) as file:
            text = file.read().decode()

        def imported(match: re.Match[str]) -> str:
            inner = self._read(normpath(join(dirname(name), match[1])))
            return f"@layer {match[2]} {{\n{inner}}}" if match[2] else inner

        return _IMPORT.sub(imported, text)
