"""What ``collectstatic`` makes of the files of ``static/``."""

import re
from collections.abc import Iterator, Mapping
from posixpath import dirname, join, normpath
from typing import Any

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from project.bundle import bundle

Sources = Mapping[str, tuple[Storage, str]]

# The stylesheet that pages ask for; it imports all others.
STYLESHEET = "css/app.css"
# The modules that pages ask for; the others are imported.
ENTRIES = ("js/app.js", "js/offline-page.js", "js/passkeys.js", "js/unsent.js")
_IMPORT = re.compile(r'@import url\("([^"]+)"\)(?: layer\((\w+)\))?;')


class ModuleManifestStaticFilesStorage(ManifestStaticFilesStorage):
    """Hashes the names that JavaScript modules import, too, so that a deploy never mixes two versions.

    The stylesheets become one, and so does each entry with the modules that it imports: a hundred and fifty answers to
    as many questions are what a first visit would wait for.
    """

    support_js_module_import_aggregation = True

    # Without the rule for source maps: of what is vendored, they are left out.
    patterns = tuple(pattern for pattern in ManifestStaticFilesStorage.patterns if pattern[0] != "*.js")

    def post_process(
        self, paths: dict[str, tuple[Storage, str]], dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str, bool] | tuple[str, None, RuntimeError]]:
        made = {STYLESHEET: _whole_stylesheet} | dict.fromkeys(ENTRIES, _bundled)
        whole = {name: (_Made(make(name, paths)), name) for name, make in made.items() if name in paths}
        yield from super().post_process(paths | whole, dry_run, **options)


class _Made(Storage):
    """Opens a text in the place of a file."""

    def __init__(self, text: str) -> None:
        self._text = text

    def _open(self, name: str, mode: str = "rb") -> "ContentFile[bytes]":
        return ContentFile(self._text.encode())


def _whole_stylesheet(name: str, sources: Sources) -> str:
    """The stylesheet with those that it imports in their places."""

    def imported(match: re.Match[str]) -> str:
        inner = _whole_stylesheet(normpath(join(dirname(name), match[1])), sources)
        return f"@layer {match[2]} {{\n{inner}}}" if match[2] else inner

    return _IMPORT.sub(imported, _read(name, sources))


def _bundled(name: str, sources: Sources) -> str:
    return bundle(name, lambda module: _read(module, sources))


def _read(name: str, sources: Sources) -> str:
    if name not in sources:
        raise FileNotFoundError(name)
    storage, path = sources[name]
    with storage.open(path) as file:
        text: str = file.read().decode()
    return text
