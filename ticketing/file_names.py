"""Names, types and addresses of attachments: what is safe to show, store and link. Pure functions."""

import mimetypes
import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import urlsplit
from uuid import uuid4

# The limit of the model's column.
NAME_LIMIT = 255
EXTENSION_LIMIT = 20
NAMELESS = "file"
# They change only the direction of what follows: "invoice\u202efdp.exe" would read as a PDF. The joiners of Persian and
# of emoji are in the same category but stay.
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")

OURS = "storage:"
FOLDER = "attachments"
STORED_NAME = re.compile(rf"{FOLDER}/[0-9a-f]{{2}}/[0-9a-f]{{32}}")

# Types that a browser only shows, never runs; everything else is served as plain bytes.
HARMLESS_TYPES = ("application/pdf", "text/plain", "text/csv", "image/", "audio/", "video/", "application/zip")
BYTES = "application/octet-stream"


def safe_name(raw: str) -> str:
    """A file's name for people: one line, no folders, no direction marks, never empty, with its extension."""
    name = unicodedata.normalize("NFC", str(raw)).replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(_seen(character) for character in name)
    name = " ".join(name.split()).strip(" .")
    extension = extension_of(name)
    ending = f".{extension}" if extension else ""
    stem = name[: len(name) - len(ending)][: NAME_LIMIT - len(ending)].rstrip(" .")
    return f"{stem}{name[len(name) - len(ending) :]}" if stem else NAMELESS


def _seen(character: str) -> str:
    if character in TURNING:
        return ""
    # Controls, lone surrogates and line separators; a tab still separates two words.
    return " " if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") else character


def extension_of(name: str) -> str:
    """In lower case without the dot; empty when what follows the last dot is too long to be one."""
    extension = PurePosixPath(name).suffix[1:].lower()
    return extension if len(extension) <= EXTENSION_LIMIT else ""


def type_of(name: str) -> str:
    """By the name: a browser's word about its upload is only a claim."""
    return mimetypes.guess_type(f"x.{extension_of(name)}", strict=False)[0] or BYTES


def harmless_type(name: str) -> str:
    """The type to serve a file as."""
    told = type_of(name)
    return told if told.startswith(HARMLESS_TYPES) and "xml" not in told else BYTES


def new_stored_name() -> str:
    """A place in the storage that nobody can guess and that says nothing about the file."""
    key = uuid4().hex
    return f"{FOLDER}/{key[:2]}/{key}"


def stored_name(file_url: str) -> str:
    """The storage's name of our own upload; empty for any other address.

    Only names in our own form count: another writer could point "storage:" at any path.
    """
    name = file_url.removeprefix(OURS) if file_url.startswith(OURS) else ""
    return name if STORED_NAME.fullmatch(name) else ""


def linkable(file_url: str) -> str:
    """Another writer's address, if it may become a link: http(s) with a host, and nothing a browser would mend."""
    if not file_url.isprintable() or " " in file_url or "\\" in file_url:
        return ""
    try:
        parts = urlsplit(file_url)
        host = parts.hostname
    except ValueError:
        return ""
    return file_url if parts.scheme in ("http", "https") and host else ""


def host_of(file_url: str) -> str:
    """Where a link leads: shown beside it, because the other writer chooses its name."""
    return (urlsplit(file_url).hostname or "") if linkable(file_url) else ""
