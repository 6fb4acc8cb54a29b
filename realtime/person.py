"""Whose page it is. A form carries the mark of the person it was painted for, and is never saved as another one's."""

from typing import Any

from django.core.signing import BadSignature, Signer
from django.utils.crypto import salted_hmac

# The hidden field of every form.
FIELD = "person"

_signer = Signer(salt="realtime.person")


def person_hash(user_pk: object) -> str:
    """The same for all pages of one person, and telling nobody who that is; empty for somebody not signed in."""
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
