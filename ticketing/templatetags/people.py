"""`{% avatar key name %}`: somebody's initials in a colour of their own, to find them at a glance."""

from uuid import UUID
from zlib import crc32

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

COLOURS = 8


@register.simple_tag
def avatar(key: UUID | str | None, name: str | None) -> SafeString:
    """A drawing beside the name, so screen readers don't hear it; an empty ring for nobody."""
    if not key or not name:
        return format_html('<span class="avatar" aria-hidden="true">{}</span>', "?" if key else "")
    colour = crc32(str(key).encode()) % COLOURS
    return format_html('<span class="avatar avatar--{}" aria-hidden="true">{}</span>', colour, initials(name))


def initials(name: str) -> str:
    """Of the first and the last word."""
    words = [word for word in name.split() if word[0].isalnum()] or name.split()
    return "".join(word[0] for word in dict.fromkeys((words[0], words[-1]))).upper()
