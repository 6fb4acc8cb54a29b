"""`{% avatar key name %}`: somebody's initials in a colour of their own, to find them at a glance."""

from uuid import UUID

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from realtime.live.people import avatar_colour, initials

register = template.Library()


@register.simple_tag
def avatar(key: UUID | str | None, name: str | None) -> SafeString:
    """A drawing beside the name, so screen readers don't hear it; an empty ring for nobody."""
    if not key or not name:
        return format_html('<span class="avatar" aria-hidden="true">{}</span>', "?" if key else "")
    tag = '<span class="avatar avatar--{}" aria-hidden="true">{}</span>'
    return format_html(tag, avatar_colour(key), initials(name))
