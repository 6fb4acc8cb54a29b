"""The components of a live page as tags: a dot, a banner and a badge. static/js/elements/ brings them to life."""

from django import template

register = template.Library()


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
