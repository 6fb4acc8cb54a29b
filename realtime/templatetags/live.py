"""The components of a live page as tags: a dot, a banner and a badge. static/js/elements/ brings them to life."""

from datetime import datetime

from django import template
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

from realtime.person import FIELD, person_of, signed

register = template.Library()


@register.simple_tag(takes_context=True)
def person(context: template.Context) -> str:
    """Whom the page is painted for, for <html data-person>."""
    return person_of(context.get("user"))


@register.simple_tag(takes_context=True)
def form_token(context: template.Context) -> SafeString:
    """In every form instead of ``csrf_token``: that token, and whom the form was painted for (design rule 41)."""
    mark = signed(person_of(context.get("user")))
    whose = format_html('<input type="hidden" name="{}" value="{}">', FIELD, mark) if mark else ""
    return format_html("{}{}", CsrfTokenNode().render(context), whose)


@register.filter
def is_time(value: object) -> bool:
    """Whether a value is to be shown in the reader's own zone, by <local-time>."""
    return isinstance(value, datetime)


@register.inclusion_tag("realtime/_status_indicator.html")
def realtime_status_indicator() -> dict[str, object]:
    """The dot with its word; starts at "Connecting", which is true until the page's socket says more."""
    return {}


@register.inclusion_tag("realtime/_connection_banner.html")
def realtime_connection_banner() -> dict[str, object]:
    """The bar below the header, hidden until the page has been without a live connection for half a second."""
    return {}


@register.inclusion_tag("realtime/_live_update_indicator.html")
def live_update_indicator() -> dict[str, object]:
    """The "Just updated" badge of one row; hidden until a patch touches that row."""
    return {}
