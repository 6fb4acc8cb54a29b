"""The components of a live page as tags: a dot, a banner and a badge. static/js/elements/ brings them to life."""

from datetime import UTC, datetime
from decimal import Decimal

from django import forms, template
from django.template.defaulttags import CsrfTokenNode
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from realtime.live import local_numbers
from realtime.live.kind import Kind
from realtime.live.person import FIELD, TYPED, person_of, signed, typed_into
from realtime.models import LiveModel
from realtime.sight import hidden_columns

register = template.Library()


@register.simple_tag(takes_context=True)
def person(context: template.Context) -> str:
    """Whom the page is painted for, for <html data-person>."""
    return person_of(context.get("user"))


@register.simple_tag(takes_context=True)
def form_token(context: template.Context, form: forms.BaseForm | None = None) -> SafeString:
    """Replaces ``csrf_token`` in every form: that token, whom it was painted for, what is typed into (rule 41)."""
    told = [(FIELD, signed(person_of(context.get("user"))))]
    if form is not None:
        told.append((TYPED, typed_into(form)))
    # Somebody who isn't signed in has nothing to lose but a password, and that is never shown again.
    hidden = format_html_join("", '<input type="hidden" name="{}" value="{}">', told) if told[0][1] else ""
    return format_html("{}{}", CsrfTokenNode().render(context), hidden)


@register.filter
def is_time(value: object) -> bool:
    """Whether a value is to be shown in the reader's own zone, by <local-time>."""
    return isinstance(value, datetime)


@register.filter
def shows(of: LiveModel | Kind, column: str) -> bool:
    """Whether the reader may see a column of a row, or of a kind's rows: ``{% if object|shows:"price" %}``."""
    table = of.table if isinstance(of, Kind) else of._meta.db_table
    return column not in hidden_columns(table)


@register.filter
def is_number(value: object) -> bool:
    """Whether a value is to be shown in the reader's own language, by <local-number>."""
    return isinstance(value, Decimal | int | float) and not isinstance(value, bool)


@register.filter
def local_number(value: Decimal | float | None, places: int | None = None) -> SafeString:
    """A number in the reader's own language, by <local-number>; a dash where there is none."""
    return local_numbers.local_number(value, places)


@register.filter
def local_time(at: datetime | None, exact: str = "") -> SafeString:
    """A moment in the reader's own zone, by <local-time>: ``"exact"`` for the date even within a day; a dash for none.

    In Python: a list shows fifty of them, and filters for each part would take longer than the rest of a row.
    """
    if at is None:
        return SafeString(local_numbers.NOTHING)
    if timezone.is_naive(at):
        at = timezone.make_aware(at, timezone.get_default_timezone())
    moment = at.astimezone(UTC).isoformat()
    day, hour, second = moment[:10], moment[11:16], moment[16:19]
    word = " exact" if exact else ""
    return SafeString(f'<local-time{word}><time datetime="{day}T{hour}{second}Z">{day} {hour} UTC</time></local-time>')


@register.inclusion_tag("realtime/_status_indicator.html")
def realtime_status_indicator() -> dict[str, object]:
    """The dot with its word; starts at "Connecting", which is true until the page's socket says more."""
    return {}


@register.inclusion_tag("realtime/_connection_banner.html")
def realtime_connection_banner() -> dict[str, object]:
    """The bar below the header, hidden until the page has been without a live connection for half a second."""
    return {}


@register.simple_tag
def presence(object: LiveModel, where: str = "row") -> SafeString:
    """Who else is at a record: initials in a ``row``, words too on a ``page``; who writes one, beside a ``reply``.

    In a row and on a page, also the place for what the reader's browser has written to it and not sent yet.
    """
    more = {"page": SafeString(" data-announce"), "reply": SafeString(' data-only="writing"')}.get(where, "")
    record = f"{object._meta.db_table}/{object.pk}"
    tag = '<live-presence class="presence presence--{}" data-presence="{}"{}></live-presence>'
    mark = '<write-mark class="write-mark" data-record="{}"></write-mark>'
    shown = format_html(tag, where, record, more)
    return shown if where == "reply" else shown + format_html(mark, record)


@register.inclusion_tag("realtime/_live_update_indicator.html")
def live_update_indicator() -> dict[str, object]:
    """The "Just updated" badge of one row; hidden until a patch touches that row."""
    return {}
