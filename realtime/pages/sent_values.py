"""What a browser sends for the controls of a form: whether a value only came back, or what it would send for one."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from django import forms

from realtime.pages.local_times import LocalTimeInput

# Kinds of <input> that somebody types into.
TYPED = ("text", "email", "number", "tel", "url")


@runtime_checkable
class SendsMore(Protocol):
    """A widget of several controls."""

    def sent(self, name: str, value: Any, data: Mapping[str, Any]) -> dict[str, str]:
        """What its controls send when they show ``value``, in a form that has sent ``data``."""


def is_typed(widget: forms.Widget) -> bool:
    is_input = isinstance(widget, forms.widgets.Input) and widget.input_type in TYPED
    return is_input or isinstance(widget, forms.Textarea)


def plain_lines(text: str) -> str:
    """Browsers send text areas with CRLF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def given_back(widget: forms.Widget, value: str) -> str:
    """What a browser sends back for a control with this value, with plain line ends (HTML, 4.10.5.1)."""
    if isinstance(widget, forms.Textarea):
        return plain_lines(value)
    value = value.replace("\r", "").replace("\n", "")
    return value.strip(" \t\f") if isinstance(widget, forms.EmailInput) else value


def came_back(field: forms.Field, sent: Any, shown: Any) -> bool:
    """Whether what was sent for a field is what it was painted with; lenient, to tell who has touched it."""
    if isinstance(field.widget, LocalTimeInput):
        return field.widget.came_back(sent, shown)
    if is_typed(field.widget) and shown is not None and isinstance(sent, str):
        given = field.widget.format_value(field.prepare_value(shown)) or ""
        if plain_lines(sent) == given_back(field.widget, str(given)):
            return True
    return not field.has_changed(shown, sent)


def as_sent(field: forms.Field, name: str, value: Any, data: Mapping[str, Any]) -> dict[str, str]:
    """What a form that has sent ``data`` would send for a field called ``name`` if it showed ``value``."""
    widget: Any = field.widget
    if isinstance(widget, SendsMore):
        return widget.sent(name, value, data)
    if isinstance(field.widget, forms.MultiWidget):
        parts = zip(widget.widgets_names, widget.widgets, widget.decompress(value), strict=True)
        return {name + suffix: str(part.format_value(one) or "") for suffix, part, one in parts}
    prepared = field.prepare_value(value)
    if not is_typed(widget):
        return {name: "" if prepared is None else str(prepared)}
    return {name: given_back(widget, str(widget.format_value(prepared) or ""))}
