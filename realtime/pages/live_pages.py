"""The plain pages of a live table: list, detail, create, edit, delete. They work without JavaScript."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any, ClassVar

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods, require_safe

from realtime.keys import Key
from realtime.live.definition import definition_named
from realtime.live.first_paint import live_view
from realtime.live.kind import Kind
from realtime.live.lists import LiveList
from realtime.models import LiveModel
from realtime.pages.access import may
from realtime.pages.bulk import BulkPages, OtherVerb
from realtime.pages.choices import as_json
from realtime.pages.columns import ColumnPages, column_menu
from realtime.pages.export import as_csv, as_xlsx
from realtime.pages.in_place import create_in_place, created, mistakes
from realtime.pages.list_head import ListHead
from realtime.pages.live_form import LiveModelForm
from realtime.pages.merging import FieldConflict
from realtime.pages.neighbours import came_from, neighbour, ways
from realtime.pages.saved_views import opening, opens_with, preference_of, view_bar
from realtime.pages.unchanged import unless_unchanged
from realtime.pages.unsent import wants_sentence
from realtime.pages.view_pages import ViewPages
from realtime.pages.writes import refusing

# By the name of their list.
pages_by_list: "dict[str, LivePages]" = {}


class LivePages:
    """The pages of one kind: list, export, new, detail, edit, delete, and those about the list's views and columns.
    Also what a chooser of its rows asks for.

    Subclass to add to a page's context or to say who may be deleted.

    A list and regions named ``<plural>``, ``<singular>`` and ``<singular>-editing`` must be registered.
    """

    # Whether rows may come from a file, at ``kind.import_name``.
    imports: ClassVar[bool] = False

    # What can be done to many rows besides changing and deleting them.
    other_verbs: ClassVar[Mapping[str, OtherVerb]] = {}

    def __init__(self, kind: Kind, form: type[LiveModelForm]) -> None:
        self.kind = kind
        self.form = form
        pages_by_list[kind.plural] = self

    def urls(self) -> list[URLPattern]:
        kind, base = self.kind, f"{self.kind.plural}/"
        safe, writing = require_safe, require_http_methods(["GET", "HEAD", "POST"])
        pages = (
            ("", kind.plural, "view", safe, unless_unchanged(self.listing)),
            ("export.csv", f"{kind.plural}-csv", "view", safe, self.export_csv),
            ("export.xlsx", f"{kind.plural}-xlsx", "view", safe, self.export_xlsx),
            ("new/", f"{kind.singular}-create", "add", writing, self.create),
            ("<key:pk>/", kind.singular, "view", safe, unless_unchanged(self.detail)),
            ("<key:pk>/next/", f"{kind.singular}-next", "view", safe, partial(self.step, True)),
            ("<key:pk>/previous/", f"{kind.singular}-previous", "view", safe, partial(self.step, False)),
            ("<key:pk>/edit/", f"{kind.singular}-edit", "change", writing, self.edit),
            ("<key:pk>/delete/", f"{kind.singular}-delete", "delete", writing, self.delete),
        )
        offered = (("choices/", f"{kind.plural}-choices", "view", safe, self.offer),) if kind.chosen_by else ()
        own = [
            path(base + route, methods(may(kind.permission(verb))(page)), name=name)
            for route, name, verb, methods, page in (*pages, *offered)
        ]
        return [*own, *BulkPages(self).urls(), *ViewPages(kind).urls(), *ColumnPages(kind).urls()]

    # What a kind may override

    def choices(self, request: HttpRequest, name: str) -> list[tuple[str, str]]:
        """What a filter by key offers to choose from, as (value, word); nothing hides it from the filter's form."""
        return []

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """More context for the list's template."""
        return {}

    def detail_context(self, request: HttpRequest, instance: LiveModel) -> dict[str, Any]:
        """More context for the detail's template: regions of related rows, for example."""
        return {}

    def initial(self, request: HttpRequest) -> dict[str, Any]:
        """What a form for a new row starts with."""
        return {}

    def opened(self, request: HttpRequest, **arguments: Any) -> LiveModelForm:
        """The form, empty or as it was sent."""
        return self.form(request.POST or None, **self.form_options(request.user), **arguments)

    def form_options(self, user: Any) -> dict[str, Any]:
        """What the form needs to know of whoever fills it in."""
        return {}

    def may_in_bulk(self, user: Any, verb: str) -> bool:
        """Whether somebody may do this to rows of the kind at all."""
        if verb in self.other_verbs:
            return self.other_verbs[verb].may(user)
        return bool(user.has_perm(self.kind.permission(verb)))

    def undeletable_because(self, instance: LiveModel) -> str:
        """A sentence saying why this row must stay, or an empty string."""
        return ""

    # The pages

    @property
    def list_view(self) -> LiveList:
        listing = definition_named(self.kind.plural)
        assert isinstance(listing, LiveList)
        return listing

    def ways(self, request: HttpRequest, pk: Key) -> dict[str, str]:
        """The way back to the list that somebody came from, and on to its other records."""
        query = came_from(request, self.kind)
        if query is None:
            return {"back_url": reverse(self.kind.list_name)}
        return ways(self.kind, query, pk)

    def listing(self, request: HttpRequest) -> HttpResponse:
        listing = self.list_view
        preference = preference_of(request.user, listing)
        if not request.GET and (address := opens_with(request.user, preference)):
            return redirect(request.path + address)
        opened = opening(request.user, listing, request.GET)
        request.GET = opened.asked  # type: ignore[assignment]
        head = ListHead(listing, request, partial(self.choices, request))
        if head.found_query:
            return HttpResponseRedirect(request.path + head.found_query)
        context = head.context() | {
            "views": view_bar(request, listing, opened, preference),
            "columns": column_menu(request, listing, preference),
            "live": live_view(self.kind.plural, request.GET),
            "can_add": (can_add := request.user.has_perm(self.kind.permission("add"))),
            "can_import": can_add and self.imports,
            "can_change": request.user.has_perm(self.kind.permission("change")),
            "can_delete": request.user.has_perm(self.kind.permission("delete")),
            "other_verbs": [verb for verb in self.other_verbs.values() if verb.may(request.user)],
            "bulk_address": reverse(f"{self.kind.app}:{self.kind.singular}-bulk"),
            "selection_address": reverse(f"{self.kind.app}:{self.kind.singular}-selection"),
            "under_way": live_view("bulks", {"listing": self.kind.plural}),
        }
        return self._render(request, "list", context | self.list_context(request))

    def offer(self, request: HttpRequest) -> HttpResponse:
        return as_json(request, self.kind)

    def export_csv(self, request: HttpRequest) -> HttpResponseBase:
        return as_csv(self._for_reader(request), self.list_view)

    def export_xlsx(self, request: HttpRequest) -> HttpResponseBase:
        return as_xlsx(self._for_reader(request), self.list_view)

    def _for_reader(self, request: HttpRequest) -> HttpRequest:
        request.GET = self.list_view.for_reader(request.GET, request.user.pk)  # type: ignore[assignment]
        return request

    def step(self, forwards: bool, request: HttpRequest, pk: Key) -> HttpResponse:
        """To the next or previous record of the list that the page was opened from."""
        query = came_from(request, self.kind) or QueryDict()
        asked = opening(request.user, self.list_view, query).asked
        ways_on = ways(self.kind, query, pk)
        found = neighbour(self.list_view, self.list_view.normalise(asked), pk, forwards)
        if found is None:
            end = "last" if forwards else "first"
            messages.info(request, f"That was the {end} {self.kind.singular} of this list.")
            return redirect(ways_on["back_url"])
        return redirect(reverse(self.kind.detail_name, args=[found], query={"from": query.urlencode()}))

    def detail(self, request: HttpRequest, pk: Key) -> HttpResponse:
        instance = self._objects().filter(pk=pk).first()
        context: dict[str, Any] = {
            "live": live_view(self.kind.singular, {"id": pk}),
            "object": instance,
            "can_change": request.user.has_perm(self.kind.permission("change")),
            "can_delete": request.user.has_perm(self.kind.permission("delete")),
        }
        if instance is not None:
            context |= self.detail_context(request, instance)
        context |= self.ways(request, pk)
        # An open page whose row was deleted shows the same as this answer to a reload.
        return self._render(request, "detail", context, status=200 if instance else 404)

    def create(self, request: HttpRequest) -> HttpResponse:
        if wants_sentence(request):
            return create_in_place(request, self.kind, partial(self.opened, request), self.initial(request))
        form = self.opened(request, initial=self.initial(request))
        if request.method == "POST" and form.is_valid():
            with transaction.atomic():
                instance = form.save()
            messages.success(request, created(instance))
            return redirect(self.kind.detail_name, pk=instance.pk)
        return refusing(self._render(request, "form", {"form": form, "object": None}), mistakes(form))

    def edit(self, request: HttpRequest, pk: Key) -> HttpResponse:
        if request.method == "POST":
            return self._save(request, pk)
        instance = get_object_or_404(self._objects(), pk=pk)
        return self._render_edit(request, instance, self.opened(request, instance=copy(instance)))

    def _save(self, request: HttpRequest, pk: Key) -> HttpResponse:
        # Whatever the form is merged with stays so until it is saved.
        with transaction.atomic():
            instance = self._objects().select_for_update().filter(pk=pk).first()
            if instance is None:
                return self._render_gone(request, pk)
            # A copy, because what is typed goes into it, and the page names the row as it is.
            form = self.opened(request, instance=copy(instance))
            form.catch_up()
            conflicts = form.conflicts()
            saved = form.save() if form.is_valid() and not conflicts else None
        if saved is None:
            return self._render_edit(request, instance, form, conflicts)
        messages.success(request, f"“{saved}” was saved. {form.kept_of_others}".strip())
        return redirect(self.kind.detail_name, pk=pk)

    def _render_gone(self, request: HttpRequest, pk: Key) -> HttpResponse:
        """What was typed stays on the page: a stand-in takes the row's place."""
        said = f"Somebody deleted this {self.kind.singular} meanwhile. Nothing was saved."
        messages.error(request, said)
        stand_in = self.kind.model(id=pk, revision=0)
        form = self.opened(request, instance=copy(stand_in))
        return refusing(self._render_edit(request, stand_in, form, status=409), said)

    def _render_edit(
        self,
        request: HttpRequest,
        instance: LiveModel,
        form: LiveModelForm,
        conflicts: "Sequence[FieldConflict]" = (),
        status: int = 200,
    ) -> HttpResponse:
        context = {
            "form": form,
            "object": instance,
            "conflicts": conflicts,
            "editing": live_view(f"{self.kind.singular}-editing", {"id": instance.pk, "revision": instance.revision}),
        }
        page = self._render(request, "form", context, status=409 if conflicts else status)
        if not conflicts:
            return refusing(page, mistakes(form))
        labels = ", ".join(conflict.label for conflict in conflicts)
        return refusing(page, f"Nothing was saved: somebody else has changed the same. {labels}.", is_conflict=True)

    def delete(self, request: HttpRequest, pk: Key) -> HttpResponse:
        instance = get_object_or_404(self._objects(), pk=pk)
        refusal, conflict = self.undeletable_because(instance), False
        if request.method == "POST" and not refusal:
            refusal, conflict = self._delete(pk, _revision(request.POST, -1))
            if not refusal and not conflict:
                messages.success(request, f"“{instance}” was deleted.")
                return redirect(self.kind.list_name)
            instance = get_object_or_404(self._objects(), pk=pk)
        context = {"object": instance, "conflict": conflict, "refusal": refusal}
        refused = request.method == "POST" and (conflict or refusal)
        page = self._render(request, "confirm_delete", context, status=409 if refused else 200)
        return refusing(page, str(refusal) or f"Nothing was deleted: somebody changed “{instance}” meanwhile.")

    def _delete(self, pk: Key, revision: int) -> tuple[str, bool]:
        """Deletes what the user confirmed; returns why it must stay, and whether the row has changed since."""
        try:
            with transaction.atomic():
                instance = self._objects().select_for_update().filter(pk=pk).first()
                if instance is None:
                    return "", False
                if instance.revision != revision:
                    return "", True
                if refusal := self.undeletable_because(instance):
                    return refusal, False
                instance.delete()
                return "", False
        except IntegrityError:
            # A dependant came after the check: Django's ProtectedError, or the database's own at the commit.
            # Read again, because Django has removed the deleted instance's key.
            kept = self._objects().filter(pk=pk).first()
            still_used = f"Another record refers to this {self.kind.singular}, so it has to stay."
            return (kept and self.undeletable_because(kept)) or still_used, False

    def _list(self) -> LiveList:
        listing = definition_named(self.kind.plural)
        assert isinstance(listing, LiveList)
        return listing

    def _objects(self) -> Any:
        return self.kind.model._default_manager.all()

    def _render(self, request: HttpRequest, page: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        templates = [f"{self.kind.templates}/{page}.html", f"live/{page}.html"]
        return render(request, templates, context | {"kind": self.kind}, status=status)


def _revision(data: Mapping[str, Any], default: int) -> int:
    try:
        return int(str(data.get("revision")))
    except ValueError:
        return default
