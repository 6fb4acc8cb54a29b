"""Brings a form that was opened at an earlier revision to the row as it is now, field by field (design rule 30).

What was only shown becomes theirs, what was typed stays. A field that both have changed is a conflict: the form comes
back with both, and its next save has been told of theirs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from django.db.models import Field, Model

from realtime.live.field_changes import worded
from realtime.live.merge import UNKNOWN, Verdict, merge
from realtime.live.past import Changer, changers, row_at
from realtime.models import LiveModel
from realtime.pages.sent_values import as_sent, came_back, plain_lines
from realtime.pages.untouched import UntouchedValues

# The hidden field with the revisions of single fields: "name:123 price:125".
SEEN = "seen"
# The choice in a conflict: this before the field's name. Anything but ``THEIRS`` is mine.
CHOICE = "choose-"
THEIRS = "theirs"


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field that both have changed: its values as people call them. ``is_known`` says whether ``original`` is."""

    name: str
    label: str
    mine: Any
    theirs: Any
    original: Any
    is_known: bool
    by: str

    @property
    def choice(self) -> str:
        return CHOICE + self.name


class MergingForm(UntouchedValues):
    """``revision_field`` names the hidden field with the revision that the form was opened at."""

    revision_field: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Fields that were touched; for the page, which must not take them for untouched because they are painted so.
        self.mine: list[str] = []
        # What others changed that the form shows now, and the texts that hold what both wrote.
        self.taken: dict[str, Changer] = {}
        self.woven: dict[str, Changer] = {}
        self._asked: dict[str, tuple[Any, Any, Changer]] = {}

    def in_words(self, name: str, value: Any) -> Any:
        """What people call a field's value."""
        return worded(self._column(name), value)

    def catch_up(self) -> None:
        """Before anything is validated. The form's instance is the row as it is now, and nobody else may change it."""
        row: LiveModel = self.instance
        opened = _number(self.data.get(self.add_prefix(self.revision_field)))
        seen = _revisions(str(self.data.get(self.add_prefix(SEEN), "")))
        at = cache(lambda revision: row_at(row, revision))
        data: Any = self.data.copy()  # type: ignore[attr-defined]
        bases: dict[str, Any] = {}
        for name in self._names():
            base = at(seen.get(name, opened))
            before = UNKNOWN if base is None else self._value(base, name)
            now = self._value(row, name)
            if self.data.get(self.add_prefix(CHOICE + name)) == THEIRS:
                self._put(data, name, now)
                continue
            if self._is_untouched(name, now if before is UNKNOWN else before):
                if before is not UNKNOWN and before != now:
                    self._put(data, name, now)
                    self.taken[name] = Changer()
                continue
            self.mine.append(name)
            if before is UNKNOWN or before != now:
                bases[name] = before
        by = changers(row, min([opened or 0, *seen.values()]), [*self.taken, *bases])
        self.taken = {name: by[name] for name in self.taken}
        for name, before in bases.items():
            now = self._value(row, name)
            merged = merge(before, self._typed(name), now, is_text=True) if self._is_textarea(name) else None
            if merged and merged.verdict is Verdict.WOVEN:
                self._put(data, name, merged.value)
                self.woven[name] = by[name]
            else:
                self._asked[name] = before, now, by[name]
        data[self.add_prefix(self.revision_field)] = str(row.revision)
        data.pop(self.add_prefix(SEEN), None)
        self.data = data
        # Where the page marks them.
        for name, changer in (self.taken | self.woven).items():
            self.fields[name].changed_by = changer.name  # type: ignore[attr-defined]

    def conflicts(self) -> list[FieldConflict]:
        """The fields that both have changed, to different values."""
        errors = self.errors
        found = []
        for name, (before, theirs, by) in self._asked.items():
            mine = self._typed(name) if name in errors or name not in self.cleaned_data else self._cleaned(name)
            if merge(before, mine, _plain(theirs)).verdict is not Verdict.CONFLICT:
                continue
            is_known = before is not UNKNOWN
            found.append(
                FieldConflict(
                    name,
                    str(self[name].label),
                    mine if name in errors else self.in_words(name, mine),
                    self.in_words(name, theirs),
                    self.in_words(name, before) if is_known else None,
                    is_known,
                    by.name,
                )
            )
        return found

    @property
    def kept_of_others(self) -> str:
        """A sentence about what others changed meanwhile and was kept; empty when there was nothing."""
        kept = self.taken | self.woven
        if not kept:
            return ""
        labels = [str(self[name].label) for name in self._names() if name in kept]
        people = list(dict.fromkeys(changer.name for changer in kept.values()))
        whose = f"{people[0]} has" if len(people) == 1 else "others have"
        return f"What {whose} changed meanwhile was kept: {', '.join(labels)}."

    def shown_value(self, name: str) -> Any:
        """What the row has in the column of a field: for a related row, its key."""
        return self._value(self.instance, name)

    def _names(self) -> Iterable[str]:
        """The fields that somebody sees and that are columns."""
        columns = {field.name for field in self.instance._meta.concrete_fields if not field.primary_key}
        return [
            name
            for name, field in self.fields.items()
            if name in columns and not field.widget.is_hidden and not field.disabled
        ]

    def _is_untouched(self, name: str, shown: Any) -> bool:
        field, key = self.fields[name], self.add_prefix(name)
        if field.widget.value_omitted_from_data(self.data, self.files, key):
            return True
        return came_back(field, field.widget.value_from_datadict(self.data, self.files, key), shown)

    def _put(self, data: Any, name: str, value: Any) -> None:
        # A QueryDict's update() would add to what is there.
        for key, sent in as_sent(self.fields[name], self.add_prefix(name), value, data).items():
            data[key] = sent

    def _typed(self, name: str) -> Any:
        """What was typed, tidied where it is a text, and as it is where it is anything else."""
        field, key = self.fields[name], self.add_prefix(name)
        typed = field.widget.value_from_datadict(self.data, self.files, key)
        if self._is_textarea(name):
            return plain_lines(str(field.to_python(typed)))
        return str(getattr(typed, "text", typed))

    def _cleaned(self, name: str) -> Any:
        cleaned = self.cleaned_data[name]
        return cleaned.pk if isinstance(cleaned, Model) else _plain(cleaned)

    def _column(self, name: str) -> "Field[Any, Any]":
        return self.instance._meta.get_field(name)  # type: ignore[no-any-return]

    def _value(self, row: Model, name: str) -> Any:
        return getattr(row, self._column(name).attname)


def _plain(value: Any) -> Any:
    return plain_lines(value) if isinstance(value, str) else value


def _number(told: Any) -> int | None:
    try:
        return int(str(told))
    except ValueError:
        return None


def _revisions(told: str) -> dict[str, int]:
    found = {}
    for part in told.split():
        name, _, revision = part.rpartition(":")
        number = _number(revision)
        if name and number is not None:
            found[name] = number
    return found
