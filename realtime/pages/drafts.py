"""What somebody has typed and not sent yet, kept for them alone (design rule 33).

A draft belongs to a form: an address of this portal and the form's name there. Each writing of it has a name that the
browser gives. A writing that was sent or dropped has ended: what its page still sends of it comes too late.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils import timezone

from realtime.live.search import clean_text
from realtime.live.tracked import all_tracked
from realtime.models import Draft
from realtime.pages.unsent import label_of
from realtime.sight import current_sight, hidden_keys

# The hidden field of a form that was typed into: its writings, its address, its name. static/js/typed.js writes it.
FIELD = "draft"
# What the browser sends of one draft, in bytes; and drafts of one person, of which the oldest go first.
LARGEST = 200_000
LIMIT = 200
# A draft that its owner may not open any more waits this long for them.
CLOSED_DAYS = 30
# What comes too late comes within minutes.
ENDED_DAYS = 1
_ENDED_KEPT = 20
_ADDRESS_LENGTH = 500
_FORM_NAME = re.compile(r"[!-~]{1,300}")


class NoForm(ValueError):
    """Nothing at this address takes what somebody types. The text is a sentence for whoever sent it."""


@dataclass(frozen=True, slots=True)
class Place:
    """The form that a draft belongs to."""

    address: str
    form: str

    def __post_init__(self) -> None:
        if not _permissions(self.address):
            root = settings.URL_PREFIX
            said = f"“{self.address[:80]}” is no address of a form here; it begins with {root}crm/ or {root}ticketing/."
            raise NoForm(said)
        if not _FORM_NAME.fullmatch(self.form):
            raise NoForm(f"“{self.form[:80]}” is no form’s name; that has 1 to 300 characters without blanks.")


# Every page asks for each draft of its reader.
@lru_cache(maxsize=2_000)
def _permissions(address: str) -> tuple[str, ...]:
    """Empty for what is no page of records."""
    if len(address) > _ADDRESS_LENGTH or not address.isascii() or not address.isprintable():
        return ()
    try:
        found = resolve(address).func
    except Resolver404:
        return ()
    return getattr(found, "permissions", ())


def may_open(user: Any, address: str) -> bool:
    permissions = _permissions(address)
    return bool(permissions) and user.has_perms(permissions)


def _seen(addresses: Iterable[str]) -> set[str]:
    """Those of these addresses that aren't of a record which whoever asks may not see: its name is in the draft."""
    asked = set(addresses)
    if (sight := current_sight()) is None:
        return asked
    records = {address: record for address in asked if (record := _record(address)) is not None}
    by_table: dict[str, set[str]] = {}
    for table, key in records.values():
        by_table.setdefault(table, set()).add(key)
    hidden = {(table, key) for table, keys in by_table.items() for key in hidden_keys(table, keys, sight)}
    return {address for address in asked if records.get(address) not in hidden}


def _record(address: str) -> tuple[str, str] | None:
    """The table and the key of the record whose address it is."""
    try:
        found = resolve(address)
    except Resolver404:
        return None
    plural, key = found.route.partition("/<")[0].rpartition("/")[2], found.kwargs.get("pk")
    table = next((tracked.table for tracked in all_tracked() if tracked.kind.plural == plural), None)
    return (table, str(key)) if table is not None and key is not None else None


# What somebody has


def _of(user: Any) -> "QuerySet[Draft]":
    return Draft.objects.filter(owner=user.pk).exclude(kept="")


def mine(user: Any, address: str = "") -> list[Draft]:
    """This person's drafts, those at one address or all, the newest first; none of what they may not open any more."""
    drafts = _of(user).filter(address=address) if address else _of(user)
    open_to = {address for address in _seen(draft.address for draft in drafts) if may_open(user, address)}
    return [draft for draft in drafts if draft.address in open_to]


@dataclass(frozen=True, slots=True)
class Told:
    """How many drafts somebody has, and the names of those at the page that they open."""

    count: int
    here: str


def told(request: HttpRequest) -> Told:
    """For the user menu, and for the page's scripts."""
    rows = _of(request.user).values_list("address", "writing")
    seen = {address for address in _seen(address for address, _ in rows) if may_open(request.user, address)}
    open_to = [(address, writing) for address, writing in rows if address in seen]
    return Told(len(open_to), " ".join(str(writing) for address, writing in open_to if address == request.path))


def lines(draft: Draft) -> list[tuple[str, str]]:
    """The texts of a draft under their fields' names: what its owner may copy when its form is gone."""
    values = json.loads(draft.kept).get("values", {})
    found = []
    for place, value in values.items():
        name = place.rpartition(" ")[0]
        if isinstance(value, str) and value.strip() and not name.endswith("-find"):
            # Half of a character, as a script may send it, can't be shown.
            found.append((label_of(name), value.encode("utf-8", "replace").decode().replace("\0", "")))
    return found


# Keeping and ending


@dataclass(frozen=True, slots=True)
class Typed:
    """What a browser sends. ``at`` is its own clock's time of the last key, ``age`` how long ago that was, in ms."""

    writing: UUID
    title: str
    at: float
    age: float
    kept: Mapping[str, Any]


def keep(user: Any, place: Place, typed: Typed) -> bool:
    """The newest wins. False for a writing that has ended."""
    when = timezone.now() - timedelta(milliseconds=min(max(typed.age, 0), 86_400_000 * CLOSED_DAYS))
    with transaction.atomic():
        draft = _locked(user, place)
        if typed.writing in draft.ended:
            return False
        if draft.kept and _is_older(typed, when, draft):
            return True
        draft.writing, draft.updated_at, draft.title = typed.writing, when, clean_text(typed.title)
        # Only ASCII, with escapes: PostgreSQL takes neither a NUL nor half of a character.
        draft.kept = json.dumps({**typed.kept, "at": typed.at})
        draft.save()
    _forget_oldest(user)
    return True


def _is_older(typed: Typed, when: Any, draft: Draft) -> bool:
    """One writing is measured by its browser's clock alone, two of different browsers by ours."""
    if draft.writing == typed.writing:
        return bool(typed.at < json.loads(draft.kept)["at"])
    return bool(when < draft.updated_at)


def end(user: Any, place: Place, writings: Iterable[UUID]) -> None:
    """These were sent or dropped. What the person has begun at this form meanwhile, in another window, stays."""
    ended = set(writings)
    with transaction.atomic():
        draft = _locked(user, place)
        if draft.writing in ended or not draft.kept:
            _empty(draft)
        draft.ended = [*(one for one in draft.ended if one not in ended), *ended][-_ENDED_KEPT:]
        draft.save()


def drop(user: Any, key: UUID) -> None:
    """By the list of drafts. A window that is still open with this text keeps it again with its next key."""
    Draft.objects.filter(owner=user.pk, pk=key).update(kept="", title="", writing=None)


def _empty(draft: Draft) -> None:
    draft.kept, draft.title, draft.writing, draft.updated_at = "", "", None, timezone.now()


def _locked(user: Any, place: Place) -> Draft:
    mine = Draft.objects.select_for_update()
    return mine.get_or_create(owner_id=user.pk, address=place.address, form=place.form)[0]


def _forget_oldest(user: Any) -> None:
    surplus = list(_of(user).values_list("pk", flat=True)[LIMIT : LIMIT + 50])
    if surplus:
        Draft.objects.filter(pk__in=surplus).delete()


# A form was saved


def end_what_was_saved(request: HttpRequest, response: HttpResponse) -> None:
    """Whoever sends a form has no draft of it any more, whatever their browser does next."""
    told = request.POST.get(FIELD, "") if request.method == "POST" and _saved(response) else ""
    if not told or not request.user.is_authenticated:
        return
    try:
        writings, address, form = told.split(" ", 2)
        end(request.user, Place(address, form), [UUID(one) for one in writings.split(",")[:_ENDED_KEPT]])
    except ValueError:
        # Not written by a page of ours.
        return


def _saved(response: HttpResponse) -> bool:
    """A form that can't be saved is shown again: a page, or a refusal."""
    if 300 <= response.status_code < 400:
        return True
    return response.status_code < 300 and response.headers.get("Content-Type", "").startswith("application/json")


# Each hour


def throw_away_old() -> None:
    """Drafts whose owners may not open them any more go after a while; all others stay until sent or dropped."""
    now = timezone.now()
    Draft.objects.filter(kept="", updated_at__lt=now - timedelta(days=ENDED_DAYS)).delete()
    old = Draft.objects.exclude(kept="").filter(updated_at__lt=now - timedelta(days=CLOSED_DAYS))
    closed = [
        draft.pk
        for draft in old.select_related("owner").defer("kept").iterator()
        if not may_open(draft.owner, draft.address)
    ]
    Draft.objects.filter(pk__in=closed).delete()
