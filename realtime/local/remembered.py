"""Values that are generated once and kept in a file only its owner reads."""

import os
from collections.abc import Callable
from pathlib import Path


def remembered(path: Path, generate: Callable[[], str]) -> str:
    """The text in ``path``; generated and written there the first time."""
    try:
        return path.read_text()
    except FileNotFoundError:
        value = generate()
        write_private(path, value)
        return value


def write_private(path: Path, text: str) -> None:
    """Replaces the file's content in one step; nobody else can read it at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
