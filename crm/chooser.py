"""Choosing one row among thousands in a form: type a text to search for, then pick from a short list.

With JavaScript it is one combobox (static/js/elements/combo-box.js), which asks for its matches while somebody types.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.utils import flatatt
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from realtime.keys import read_key
from realtime.live.kind import Kind
from realtime.live.search import clean_text, matching
from realtime.models import LiveModel
from realtime.pages.choices import note

LIMIT = 50


class Asked(NamedTuple):
    """What a chooser posts: the row picked, the text typed, the text the list answered, and whether by "Find"."""

    key: str
    text: str
    answered: str
    finding: bool

    @property
    def unanswered(self) -> bool:
        """True when the list doesn't show the matches of the typed text yet: the user can't have meant this pick."""
        return bool(self.text) and self.text != self.answered


class ChooserWidget(forms.Widget):
    """A search text, a button "Find" and a ``<select>`` of the matches, which starts with the newest rows.

    Without JavaScript "Find" submits the form; it comes back with the matches and everything typed.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind

    def rows(self) -> "QuerySet[Any]":
        return self.kind.model._default_manager.all()

    def matches(self, text: str) -> "QuerySet[Any]":
        return matching(self.rows(), text, self.kind.chosen_by)

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Asked:
        key, text, answered = (clean_text(data.get(f"{name}{part}", "")) for part in ("", "-find", "-found"))
        return Asked(key, text, answered, finding=f"{name}-finding" in data)

    def sent(self, name: str, value: Any, data: Mapping[str, Any]) -> dict[str, str]:
        """What the controls send when a row is chosen and nothing is searched for."""
        return {name: str(value or ""), f"{name}-find": "", f"{name}-found": ""}

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data

    def id_for_label(self, id_: str) -> str:
        return id_

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        asked = value if isinstance(value, Asked) else Asked(str(value or ""), "", "", False)
        found = list(self.matches(asked.text)[: LIMIT + 1])
        key = asked.key
        if asked.unanswered and found:
            key = str(found[0].pk) if len(found) == 1 else ""
        found = found or list(self.rows()[: LIMIT + 1])
        current = None if any(str(row.pk) == key for row in found[:LIMIT]) else self._row(key)
        context = {
            "name": name,
            "id": (attrs or {}).get("id", ""),
            "attributes": flatatt(attrs or {}),
            "kind": self.kind,
            "is_required": self.is_required,
            "text": asked.text,
            "options": [
                (str(row.pk), str(row), note(self.kind, row)) for row in ([current] if current else []) + found[:LIMIT]
            ],
            "chosen": key,
            "more": len(found) > LIMIT,
            "limit": LIMIT,
        }
        return render_to_string("crm/forms/_chooser.html", context)

    def _row(self, key: str) -> LiveModel | None:
        try:
            return cast("LiveModel | None", self.rows().filter(pk=read_key(key)).first())
        except ValueError:
            return None


class ChooserField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Takes any existing row of a kind, which says what a text is searched for in.

    A text that matches exactly one row chooses it. If it matches several, the form lists them and saves nothing.
    """

    def __init__(self, kind: Kind, **kwargs: Any) -> None:
        super().__init__(kind.model._default_manager.all(), widget=ChooserWidget(kind), **kwargs)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return data.unanswered or super().has_changed(initial, data.key)

    def clean(self, value: Asked) -> Any:
        return super().clean(self._found(value) if value.unanswered else value.key)

    def _found(self, asked: Asked) -> str:
        widget = cast(ChooserWidget, self.widget)
        noun, found = widget.kind.singular, list(widget.matches(asked.text)[:2])
        if not found:
            raise ValidationError(f"No {noun} matches “{asked.text}”.", code="none")
        if len(found) > 1:
            raise ValidationError(f"More than one {noun} matches “{asked.text}”. Choose which.", code="several")
        if asked.finding:
            raise ValidationError(f"One {noun} matches and has been chosen. Save if it’s the right one.", code="one")
        return str(found[0].pk)
