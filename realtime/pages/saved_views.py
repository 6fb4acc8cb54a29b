"""Views that people keep: who sees and changes which, what an address opens, and what a list's page offers.

Whoever may see a list may keep views of it. A private view is its owner's alone. Sharing one, and changing or deleting
those that others share, are rights of their own (docs/PERMISSIONS.md).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from realtime.live.kind import Kind
from realtime.live.lists import BESIDE, EVERYTHING, PLACES, LiveList
from realtime.live.search import clean_text
from realtime.models import ListPreference, PinnedView, SavedView

# For each person: views of all lists, and those in the side bar.
VIEWS_LIMIT = 100
PINNED_LIMIT = 20
TOO_MANY = f"You have {VIEWS_LIMIT} views, and that is the limit. Delete one that you don’t need."
TOO_MANY_PINNED = f"You have pinned {PINNED_LIMIT} views, and that is the limit. Unpin one first."

NAME_MISSING = "Give the view a name."
NAME_TOO_LONG = "A name has at most %(limit_value)d characters; this one has %(show_value)d."


# Who may do what


def seen_by(user: Any) -> "QuerySet[SavedView]":
    """The views that somebody may open, of lists that they may see."""
    return SavedView.objects.filter(Q(owner=user.pk) | Q(shared=True))


def may_share(user: Any) -> bool:
    return bool(user.has_perm("realtime.add_savedview"))


def may_change(user: Any, view: SavedView) -> bool:
    return view.owner_id == user.pk or (view.shared and user.has_perm("realtime.change_savedview"))


def may_delete(user: Any, view: SavedView) -> bool:
    return view.owner_id == user.pk or (view.shared and user.has_perm("realtime.delete_savedview"))


# What somebody has chosen


def preference_of(user: Any, listing: LiveList) -> ListPreference:
    """Unsaved where nothing was chosen yet."""
    chosen = ListPreference.objects.select_related("default_view").filter(user=user.pk, listing=listing.name).first()
    return chosen or ListPreference(user_id=user.pk, listing=listing.name)


def prefer(user: Any, listing: LiveList, **chosen: Any) -> None:
    ListPreference.objects.update_or_create(chosen, user_id=user.pk, listing=listing.name)


def pin(user: Any, view: SavedView) -> bool:
    """Whether there was room in the side bar."""
    with alone(user):
        pins = PinnedView.objects.filter(user=user.pk)
        if pins.filter(view=view).exists():
            return True
        if pins.count() >= PINNED_LIMIT:
            return False
        PinnedView.objects.create(user_id=user.pk, view=view)
    return True


@contextmanager
def alone(user: Any) -> Iterator[None]:
    """A transaction in which nobody else counts this person's views."""
    with transaction.atomic():
        get_user_model()._default_manager.select_for_update(no_key=True).get(pk=user.pk)
        yield


# What an address opens


@dataclass(frozen=True, slots=True)
class Opening:
    """The view that an address opens, whether it names one that isn't there, and what it asks of the list."""

    view: SavedView | None
    missing: bool
    asked: QueryDict


def opening(user: Any, listing: LiveList, raw: QueryDict) -> Opening:
    """``?view=…`` alone is what the view keeps; beside filters, it only says which view was opened before."""
    asked = raw.copy()
    alone = set(raw) <= set(BESIDE)
    view = _named(user, listing, raw.get("view", ""))
    if view is None:
        asked.pop("view", None)
    elif alone:
        asked = QueryDict(view.query, mutable=True)
        asked["view"] = str(view.pk)
        for place in PLACES:
            asked.setlist(place, raw.getlist(place))
    return Opening(view, "view" in raw and view is None and alone, listing.for_reader(asked, user.pk))


def _named(user: Any, listing: LiveList, key: str) -> SavedView | None:
    try:
        return seen_by(user).select_related("owner").filter(listing=listing.name, pk=UUID(key)).first()
    except ValueError:
        return None


def opens_with(user: Any, preference: ListPreference) -> str:
    """The address of the view that a person's list opens with; empty for all rows."""
    view = preference.default_view
    return address_of(view) if view and (view.owner_id == user.pk or view.shared) else ""


def address_of(view: SavedView) -> str:
    return f"?view={view.pk}"


# What a list's page offers


@dataclass(frozen=True, slots=True)
class Offered:
    """A view as its list's page offers it."""

    view: SavedView
    kind: Kind
    is_pinned: bool
    is_default: bool

    @property
    def query(self) -> str:
        return address_of(self.view)

    @property
    def edit(self) -> str:
        return self._address("view")

    @property
    def filters(self) -> str:
        return self._address("view-filters")

    @property
    def pin(self) -> str:
        return self._address("view-pin")

    @property
    def default(self) -> str:
        return self._address("view-default")

    @property
    def delete(self) -> str:
        return self._address("view-delete")

    def _address(self, name: str) -> str:
        return reverse(f"{self.kind.app}:{self.kind.singular}-{name}", args=[self.view.pk])


def view_bar(request: HttpRequest, listing: LiveList, opened: Opening, preference: ListPreference) -> dict[str, Any]:
    """The context of a list's menu of views, and of the form that keeps one."""
    user, kind = request.user, listing.kind
    pinned = set(PinnedView.objects.filter(user=user.pk).values_list("view", flat=True))

    def offered(views: Iterable[SavedView]) -> list[Offered]:
        return [Offered(view, kind, view.pk in pinned, view.pk == preference.default_view_id) for view in views]

    views = list(seen_by(user).select_related("owner").filter(listing=listing.name))
    kept = listing.kept_query(listing.normalise(opened.asked), user.pk)
    told: dict[str, Any] = {
        "all_query": EVERYTHING,
        "mine": offered(view for view in views if view.owner_id == user.pk),
        "shared": offered(view for view in views if view.owner_id != user.pk),
        "missing": opened.missing,
        "kept": kept,
        "back": request.META["QUERY_STRING"],
        "create": reverse(f"{kind.app}:{kind.singular}-views"),
        "form": SavedViewForm(user=user, instance=SavedView(owner_id=user.pk, listing=listing.name)),
    }
    if opened.view is not None:
        [told["open"]] = offered([opened.view])
        told |= {
            "is_changed": kept != keeps(opened.view, listing, user),
            "may_change": may_change(user, opened.view),
            "may_delete": may_delete(user, opened.view),
        }
    return told


def keeps(view: SavedView, listing: LiveList, user: Any) -> str:
    """What a view keeps, as this version of the list understands it."""
    return kept(view.query, listing, user)


def kept(query: str, listing: LiveList, user: Any) -> str:
    """What a view is to keep of an address."""
    asked = listing.for_reader(QueryDict(query.removeprefix("?")), user.pk)
    return listing.kept_query(listing.normalise(asked), user.pk)


class SavedViewForm(forms.ModelForm):  # type: ignore[type-arg]
    """A view's name and who sees it. ``instance`` has its owner, its list and what it keeps."""

    pinned = forms.BooleanField(required=False, label="Pin to the side bar")

    class Meta:
        model = SavedView
        fields = ("name", "shared")
        error_messages: ClassVar = {"name": {"required": NAME_MISSING, "max_length": NAME_TOO_LONG}}

    def __init__(self, data: Any = None, *, user: Any, instance: SavedView) -> None:
        super().__init__(data, instance=instance, auto_id="view-%s")
        self._user = user
        view = self.instance
        self.fields["shared"].label = "Share with everybody who may see this list"
        # Nobody would see a private view without an owner.
        if view.owner_id is None or not (view.shared or may_share(user)):
            del self.fields["shared"]
        if not view._state.adding:
            del self.fields["pinned"]

    def clean_name(self) -> str:
        name = clean_text(self.cleaned_data["name"])
        if not name:
            raise ValidationError(NAME_MISSING)
        others = SavedView.objects.exclude(pk=self.instance.pk).annotate(lower=Lower("name"))
        if others.filter(
            owner=self.instance.owner_id, listing=self.instance.listing, lower=Lower(Value(name))
        ).exists():
            raise ValidationError(self._taken(name))
        return name

    def _taken(self, name: str) -> str:
        whose = "You have" if self.instance.owner_id == self._user.pk else "Its owner has"
        return f"{whose} a view called “{name}” already. Choose another name."

    def store(self) -> SavedView | None:
        """Saves what is valid; None when it can't be kept, which the form then says."""
        pins = self.cleaned_data.get("pinned", False)
        try:
            with alone(self._user):
                if self.instance._state.adding and not self._has_room(pins):
                    return None
                view: SavedView = self.save()
                if pins:
                    pin(self._user, view)
                return view
        except IntegrityError:
            # Somebody else took the name in this very moment.
            self.add_error("name", self._taken(self.cleaned_data["name"]))
            return None

    def _has_room(self, pins: bool) -> bool:
        if SavedView.objects.filter(owner=self._user.pk).count() >= VIEWS_LIMIT:
            self.add_error(None, TOO_MANY)
        if pins and PinnedView.objects.filter(user=self._user.pk).count() >= PINNED_LIMIT:
            self.add_error("pinned", TOO_MANY_PINNED)
        return not self.errors
