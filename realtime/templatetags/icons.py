"""`{% icon "search" %}` puts a vendored Lucide drawing into the page: inline, so it takes the text's colour."""

import re
from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

FOLDER = "vendor/lucide"


@register.simple_tag
def icon(name: str) -> SafeString:
    return drawing(name)


@cache
def drawing(name: str) -> SafeString:
    shapes = re.search(r"<svg[^>]*>(.*)</svg>", source(name), re.DOTALL)
    assert shapes is not None, f"{name}.svg holds no drawing"
    # The words beside an icon say what it means; to a screen reader it would only be noise.
    return mark_safe(  # noqa: S308 - vendored file, checksum in static/vendor/manifest.toml
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
        ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        + " ".join(shapes[1].split())
        + "</svg>"
    )


def source(name: str) -> str:
    path = finders.find(f"{FOLDER}/{name}.svg")
    if path is None:
        raise template.TemplateSyntaxError(f"Unknown icon {name!r}; vendored icons: {', '.join(names())}")
    return Path(path).read_text()


def names() -> list[str]:
    folder = finders.find(FOLDER)
    return sorted(path.stem for path in Path(folder).glob("*.svg")) if folder else []
