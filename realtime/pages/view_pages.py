"""Keeping a list's views: new, rename and share, other filters, pin, default, delete. All are plain forms."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods

from realtime.live.definition import definition_named
from realtime.live.kind import Kind
from realtime.live.lists import EVERYTHING, LiveList
from realtime.models import PinnedView, SavedView
from realtime.pages import saved_views
from realtime.pages.access import may
from realtime.pages.saved_views import SavedViewForm, address_of, kept, may_change, may_delete, seen_by


class ViewPages:
    """The pages about the views of one kind's list, for whoever may see that list."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def urls(self) -> list[URLPattern]:
        pages = (
            ("", "views", self.create),
            ("<uuid:pk>/", "view", self.edit),
            ("<uuid:pk>/filters/", "view-filters", self.keep_filters),
            ("<uuid:pk>/pin/", "view-pin", self.pin),
            ("<uuid:pk>/default/", "view-default", self.make_default),
            ("<uuid:pk>/delete/", "view-delete", self.delete),
        )
        writing = require_http_methods(["GET", "HEAD", "POST"])
        seeing = may(self.kind.permission("view"))
        return [
            path(f"{self.kind.plural}/views/{route}", writing(seeing(page)), name=f"{self.kind.singular}-{name}")
            for route, name, page in pages
        ]

    def create(self, request: HttpRequest) -> HttpResponse:
        """``query`` is the list's address; a page that is opened by hand takes its own."""
        query = request.POST.get("query", "") if request.method == "POST" else request.META["QUERY_STRING"]
        keeps = kept(query, self._list, request.user)
        view = SavedView(owner_id=request.user.pk, listing=self._list.name, query=keeps)
        return self._form(request, SavedViewForm(request.POST or None, user=request.user, instance=view), keeps)

    def edit(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        view = self._changeable(request, pk)
        return self._form(request, SavedViewForm(request.POST or None, user=request.user, instance=view), "")

    def _form(self, request: HttpRequest, form: SavedViewForm, keeps: str) -> HttpResponse:
        # Typed text goes into the instance, and the page names the view as it is.
        name, adding = form.instance.name, form.instance._state.adding
        if request.method == "POST" and form.is_valid() and (view := form.store()):
            messages.success(request, f"The view “{view}” was saved.")
            return redirect(self._listing(address_of(view)))
        context = {"form": form, "keeps": keeps, "name": name, "adding": adding}
        back = f"?{keeps}" if keeps else EVERYTHING if adding else address_of(form.instance)
        return self._render(request, "form", context | {"back": self._listing(back)})

    def keep_filters(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        view = self._changeable(request, pk)
        if "query" in request.POST:
            view.query = kept(request.POST.get("query", ""), self._list, request.user)
            view.save(update_fields=["query"])
            messages.success(request, f"The view “{view}” keeps these filters now.")
        return redirect(self._listing(address_of(view)))

    def pin(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        view = self._seen(request, pk)
        if request.method == "POST":
            if request.POST.get("pinned") != "yes":
                PinnedView.objects.filter(user=request.user.pk, view=view).delete()
            elif not saved_views.pin(request.user, view):
                messages.error(request, saved_views.TOO_MANY_PINNED)
        return self._back(request, view)

    def make_default(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        view = self._seen(request, pk)
        if request.method == "POST":
            is_default = request.POST.get("default") == "yes"
            saved_views.prefer(request.user, self._list, default_view=view if is_default else None)
            opens = f"the view “{view}”" if is_default else f"all {self.kind.plural}"
            messages.success(request, f"{self.kind.plural.capitalize()} open with {opens} from now on.")
        return self._back(request, view)

    def delete(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        view = self._seen(request, pk)
        if not may_delete(request.user, view):
            raise PermissionDenied
        if request.method == "POST":
            view.delete()
            messages.success(request, f"The view “{view}” was deleted.")
            return redirect(self._listing(EVERYTHING))
        others = view.pins.exclude(user=request.user.pk).count() if view.shared else 0
        return self._render(
            request, "confirm_delete", {"view": view, "others": others, "back": self._listing(address_of(view))}
        )

    @property
    def _list(self) -> LiveList:
        listing = definition_named(self.kind.plural)
        assert isinstance(listing, LiveList)
        return listing

    def _seen(self, request: HttpRequest, pk: UUID) -> SavedView:
        return get_object_or_404(seen_by(request.user), listing=self._list.name, pk=pk)

    def _changeable(self, request: HttpRequest, pk: UUID) -> SavedView:
        view = self._seen(request, pk)
        if not may_change(request.user, view):
            raise PermissionDenied
        return view

    def _listing(self, query: str) -> str:
        return reverse(self.kind.list_name) + query

    def _back(self, request: HttpRequest, view: SavedView) -> HttpResponse:
        """To the list as it was."""
        asked = QueryDict(request.POST.get("back", "")).urlencode()
        return redirect(self._listing(f"?{asked}" if asked else address_of(view)))

    def _render(self, request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
        return render(request, f"live/views/{page}.html", context | {"kind": self.kind})
