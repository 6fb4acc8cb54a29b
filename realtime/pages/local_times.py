"""Times as people type them: in their own zone, which the browser sends in a cookie (static/js/timezone.js).

Only this field knows the zone. Everything that the hub renders too stays in UTC, and the browser makes it local.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from realtime.live.zones import current_zone, in_zone, known_zones

COOKIE = f"timezone{settings.COOKIE_SUFFIX}"
SKIPPED = "{time} doesn’t exist in {zone}: the clocks skip that hour when summer time begins. Choose another time."
REPEATED = "{time} comes twice in {zone}, because the clocks go back. Choose a time before or after that hour."


class TimeZoneMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with in_zone(request.COOKIES.get(COOKIE, "")):
            return self.get_response(request)


class TypedTime(NamedTuple):
    """What the control sent back, and the zone it was painted in: a traveller's next cookie shifts nothing."""

    text: str
    zone: str


class LocalTimeInput(forms.DateTimeInput):
    input_type = "datetime-local"
    supports_microseconds = False

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        typed = value if isinstance(value, TypedTime) else TypedTime(_shown(value, current_zone()), current_zone())
        control = super().render(name, typed.text, (attrs or {}) | {"step": 1}, renderer)
        return format_html('{}<input type="hidden" name="{}-zone" value="{}">', control, name, typed.zone)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> TypedTime:
        zone = data.get(f"{name}-zone", "")
        return TypedTime(data.get(name, ""), zone if zone in known_zones() else current_zone())

    def sent(self, name: str, value: Any, data: Mapping[str, Any]) -> dict[str, str]:
        """What the control sends when it shows a moment, in the zone that it was painted in."""
        zone = self.value_from_datadict(data, None, name).zone
        return {name: _shown(value, zone), f"{name}-zone": zone}

    def came_back(self, typed: TypedTime, initial: Any) -> bool:
        """Whether nobody touched what was shown for ``initial``."""
        if initial is None:
            return not typed.text
        shown = _shown(initial, typed.zone)
        # A browser leaves out zero seconds (HTML's normalised time strings).
        return bool(shown) and typed.text in (shown, shown.removesuffix(":00"))


class LocalTimeField(forms.DateTimeField):
    widget = LocalTimeInput

    def prepare_value(self, value: Any) -> Any:
        return value

    def clean(self, value: TypedTime) -> datetime | None:
        """Raises ``ValidationError`` for a time that the zone's clocks skip, or show twice."""
        with timezone.override(UTC):
            read = super().clean(value.text)
        return read and _placed(read.replace(tzinfo=None), value.zone)


def _shown(moment: Any, zone: str) -> str:
    if not isinstance(moment, datetime):
        return str(moment or "")
    try:
        local = moment.astimezone(ZoneInfo(zone))
    except OverflowError:
        # At the ends of time, a zone reaches beyond Python's range.
        local = moment.astimezone(UTC)
    return local.replace(tzinfo=None, microsecond=0).isoformat()


def _placed(naive: datetime, name: str) -> datetime:
    zone = ZoneInfo(name)
    first, second = naive.replace(tzinfo=zone), naive.replace(tzinfo=zone, fold=1)
    if first.utcoffset() != second.utcoffset():
        there_and_back = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        sentence = REPEATED if there_and_back == naive else SKIPPED
        raise ValidationError(sentence.format(time=f"{naive:%H:%M} on {naive.day} {naive:%B %Y}", zone=name))
    try:
        return first.astimezone(UTC)
    except OverflowError:
        return naive.replace(tzinfo=UTC)
