"""Whose page it is. A form carries the mark of the person it was painted for, and is never saved as somebody else's.

It also names its text controls, so that a form that can't be saved is shown again with them (unsent.py).
"""

from typing import Any

from django import forms
from django.core.signing import BadSignature, Signer
from django.utils.crypto import salted_hmac

# The hidden fields of a form.
FIELD = "person"
TYPED = "typed"

# Inputs that are chosen, or must never be shown again.
_NOT_TYPED = ("checkbox", "file", "hidden", "password", "radio")

_signer = Signer(salt="realtime.person")


def person_hash(user_pk: object) -> str:
    """The same for all of a person's pages, without revealing who that is; empty for somebody not signed in."""
    if user_pk is None:
        return ""
    return salted_hmac("realtime.person", str(user_pk), algorithm="sha256").hexdigest()[:32]


def person_of(user: Any) -> str:
    """The hash of a request's user."""
    return person_hash(user.pk) if user is not None and user.is_authenticated else ""


def signed(person: str) -> str:
    """A hash as forms carry it: only a page of ours can have written it."""
    return _signer.sign(person) if person else ""


def unsigned(value: str) -> str:
    """The hash that a form carries; empty when no page of ours has written it."""
    try:
        return _signer.unsign(value)
    except BadSignature:
        return ""


def typed_into(form: forms.BaseForm) -> str:
    """The controls of a form that take text; an asterisk marks multi-line ones."""
    names = []
    for field in form.visible_fields():
        widget = field.field.widget
        if isinstance(widget, forms.Textarea):
            names.append(f"{field.html_name}*")
        elif isinstance(widget, forms.widgets.Input) and widget.input_type not in _NOT_TYPED:
            names.append(field.html_name)
    return " ".join(names)


def typed_names(told: str) -> dict[str, bool]:
    """The names that ``typed_into`` wrote, and whether each has several lines."""
    return {name.removesuffix("*"): name.endswith("*") for name in told.split()}
