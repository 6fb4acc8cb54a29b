"""What is done to many rows of a list at once: its form, its report, its end (design rule 37).

To begin is one ordinary POST: what to do, the values, and the rows, either by their keys or as all that an address of
the list finds. The rows are noted as they are at that moment; a worker does the rest (``bulk_running.py``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from realtime.database.put_back import TRANSACTION
from realtime.keys import read_key
from realtime.live.bulks import action_of, listing_of
from realtime.live.definition import UnknownDefinition
from realtime.live.first_paint import live_view
from realtime.live.tracked import seen_by
from realtime.live.zones import in_zone
from realtime.models import Bulk, BulkRow, LiveModel
from realtime.pages.access import may
from realtime.pages.bulk_running import PORTION
from realtime.pages.export import as_csv, as_xlsx
from realtime.pages.saved_views import opening
from realtime.pages.undo import MOST_ROWS

if TYPE_CHECKING:
    from realtime.pages.live_pages import LivePages

Verb: TypeAlias = Bulk.Verb
State: TypeAlias = Bulk.State

LISTED = 50


@dataclass(frozen=True, slots=True)
class OtherVerb:
    """Something that only one kind can do to many rows: ``carry_out`` does it to one, and raises ``Refusal``.

    It returns whether it did anything. ``told`` puts what was sent into words.
    """

    verb: Verb
    label: str
    icon: str
    sentence: str
    may: Callable[[Any], bool]
    form: type[forms.Form]
    told: Callable[[forms.Form], str]
    carry_out: Callable[[Any, LiveModel, QueryDict], bool]


class Unusable(Exception):
    """Says in a sentence why no bulk begins."""


class BulkPages:
    """To begin a bulk of one kind, and to export chosen rows."""

    headings: ClassVar[Mapping[str, str]] = {Verb.CHANGE: "Change", Verb.DELETE: "Delete"}

    def __init__(self, pages: "LivePages") -> None:
        self.pages = pages
        self.kind = pages.kind

    def urls(self) -> list[URLPattern]:
        base, seeing = f"{self.kind.plural}/", may(self.kind.permission("view"))
        either = require_http_methods(["GET", "HEAD", "POST"])
        return [
            path(f"{base}bulk/", either(seeing(self.begin)), name=f"{self.kind.singular}-bulk"),
            path(f"{base}selection/", require_POST(seeing(self.export)), name=f"{self.kind.singular}-selection"),
        ]

    def begin(self, request: HttpRequest) -> HttpResponse:
        data = request.POST if request.method == "POST" else request.GET
        verb = data.get("do", "")
        if verb not in self.verbs:
            raise Http404(f"“{verb[:40]}” can’t be done to many {self.kind.plural}: it is {', '.join(self.verbs)}")
        if not self.pages.may_in_bulk(request.user, verb):
            raise PermissionDenied
        form, chosen = self._form(request, verb), self._chosen(request)
        problem = ""
        if request.method == "POST":
            try:
                self._look_at(verb, form, chosen)
                with transaction.atomic():
                    bulk = self._noted(request, verb, form, chosen)
                return redirect("bulk", pk=bulk.pk)
            except Unusable as why:
                problem = str(why)
        return self._asking(request, verb, form, chosen, problem)

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """The chosen rows as a file, in the order of the list."""
        try:
            keys = self._keys(request)
        except Unusable as why:
            messages.error(request, str(why))
            return redirect(self.kind.list_name)
        request.GET = self._asked(request, request.POST)  # type: ignore[assignment]
        return (as_xlsx if request.POST.get("as") == "xlsx" else as_csv)(request, self.pages.list_view, keys)

    @property
    def verbs(self) -> list[str]:
        return [*self.headings, *self.pages.other_verbs]

    # The form

    def _form(self, request: HttpRequest, verb: str) -> forms.BaseForm | None:
        data = request.POST if request.method == "POST" else None
        if verb == Verb.DELETE:
            return None
        if verb != Verb.CHANGE:
            return self.pages.other_verbs[verb].form(data)
        # Of no row: which values a row has doesn't matter to what all are to have.
        instance = self.kind.model(revision=0)
        instance._state.adding = False
        return self.pages.form(data, instance=instance, **self.pages.form_options(request.user))

    def _chosen(self, request: HttpRequest) -> list[str]:
        """The fields to change, in the order of the form."""
        return [name for name in self.pages.form.base_fields if name in request.POST.getlist("set")]

    def _look_at(self, verb: str, form: forms.BaseForm | None, chosen: list[str]) -> None:
        """Raises ``Unusable`` for what no row could get. What depends on a row is said of that row."""
        if form is None:
            return
        form.full_clean()
        if verb == Verb.CHANGE:
            for name in [name for name in form.errors if name not in chosen]:
                del form.errors[name]
            if not chosen:
                raise Unusable("Choose what to change: tick at least one field.")
        if form.errors:
            raise Unusable("Nothing has begun yet: see below.")

    def _asking(
        self, request: HttpRequest, verb: str, form: forms.BaseForm | None, chosen: list[str], problem: str
    ) -> HttpResponse:
        data = request.POST if request.method == "POST" else request.GET
        other = self.pages.other_verbs.get(verb)
        context = {
            "kind": self.kind,
            "verb": verb,
            "heading": other.label if other else self.headings[verb],
            "sentence": other.sentence if other else "",
            "form": form,
            "chosen": chosen,
            "problem": problem,
            "rows": data.get("rows", ""),
            "count": len(data.get("rows", "").split()),
            "all": "all" in data,
            "query": data.get("query", ""),
            "matching": self._matching(request, data) if "all" in data else "",
        }
        return render(request, "live/bulk/begin.html", context, status=422 if problem else 200)

    def _matching(self, request: HttpRequest, data: QueryDict) -> str:
        listing = self.pages.list_view
        return listing.count_text(listing.count(self._params(request, data)))

    # The rows

    def _noted(self, request: HttpRequest, verb: str, form: forms.BaseForm | None, chosen: list[str]) -> Bulk:
        fields = chosen if verb == Verb.CHANGE else [*form.fields] if form is not None else []
        assert request.user.pk is not None
        bulk = Bulk.objects.create(
            person_id=request.user.pk,
            listing=self.kind.plural,
            verb=verb,
            fields=chosen,
            sent=_controls(request.POST, fields),
            told=self._told(verb, form, chosen),
        )
        if "all" in request.POST:
            bulk.total = self._note_all(bulk, self._params(request, request.POST))
        else:
            bulk.total = self._note(bulk, self._keys(request))
        if not bulk.total:
            raise Unusable(f"There is nothing to do: no {self.kind.singular} is chosen.")
        if bulk.total > MOST_ROWS:
            raise Unusable(
                f"That is more than {MOST_ROWS:,} {self.kind.plural}, which is the most at once. Filter"
                " the list, or do it in parts."
            )
        bulk.save(update_fields=["total"])
        return bulk

    def _params(self, request: HttpRequest, data: QueryDict) -> dict[str, Any]:
        return self.pages.list_view.normalise(self._asked(request, data))

    def _asked(self, request: HttpRequest, data: QueryDict) -> QueryDict:
        """What the list's address asks for, as its page understands it."""
        return opening(request.user, self.pages.list_view, QueryDict(data.get("query", "").removeprefix("?"))).asked

    def _note_all(self, bulk: Bulk, params: dict[str, Any]) -> int:
        listing = self.pages.list_view
        with in_zone(params.get("tz", "")):
            found = listing.members(params).order_by("pk").values_list("pk", "revision")[: MOST_ROWS + 1]
            query, values = found.query.sql_with_params()
        return _insert(bulk, query, values)

    def _note(self, bulk: Bulk, keys: list[Any]) -> int:
        found = self.pages.list_view.rows().filter(pk__in=keys).order_by("pk").values_list("pk", "revision")
        there = {str(key): revision for key, revision in found}
        rows = [BulkRow(bulk=bulk, row_key=key, revision=revision) for key, revision in there.items()]
        # What may not be seen isn't there.
        rows += [
            BulkRow(bulk=bulk, row_key=str(key), revision=-1, outcome=BulkRow.Outcome.GONE)
            for key in keys
            if str(key) not in there
        ]
        BulkRow.objects.bulk_create(rows)
        return len(rows)

    def _keys(self, request: HttpRequest) -> list[Any]:
        told = list(dict.fromkeys(request.POST.get("rows", "").split()))
        if len(told) > MOST_ROWS:
            raise Unusable(f"That is more than {MOST_ROWS:,} {self.kind.plural}, the most at once.")
        try:
            return [read_key(value) for value in told]
        except ValueError:
            raise Unusable(
                f"One of the chosen {self.kind.plural} has no key of this list. Choose them again."
            ) from None

    def _told(self, verb: str, form: Any, chosen: list[str]) -> str:
        if verb == Verb.CHANGE:
            return ", ".join(f"{form[name].label}: {_in_words(form, name)}" for name in chosen)
        return self.pages.other_verbs[verb].told(form) if form is not None else ""


def _controls(sent: QueryDict, fields: Iterable[str]) -> dict[str, list[str]]:
    """What the controls of these fields have sent; some have several, such as a chooser."""
    own = {
        name: values
        for name, values in sent.lists()
        for field in fields
        if name == field or name.startswith((f"{field}-", f"{field}_"))
    }
    # PostgreSQL's JSON can't hold this, and no field takes it.
    return {name: [value.replace("\0", "") for value in values] for name, values in own.items()}


def _in_words(form: Any, name: str) -> str:
    value = form.cleaned_data.get(name)
    word = str(value) if isinstance(value, Model) else form.in_words(name, value)
    return str(word)[:80] if word not in (None, "") else "nothing"


def _insert(bulk: Bulk, query: str, values: Iterable[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into realtime_bulk_row (bulk_id, row_key, revision, outcome, note)"
            f" select %s, found.key::text, found.revision, '', '' from ({query}) as found (key, revision)",
            [bulk.pk, *values],
        )
        return int(cursor.rowcount)


# Undo


def bulk_of(action: str) -> Bulk | None:
    """The bulk that an action in the change log was."""
    try:
        return Bulk.objects.filter(pk=UUID(action.partition(":")[2])).first()
    except ValueError:
        return None


def begin_undo(user: Any, action: str) -> Bulk | None:
    """Begins to take back an action that was a bulk of several portions; None for any other."""
    bulk = bulk_of(action) if not action.startswith(TRANSACTION) else None
    if bulk is None or action_of(bulk) != action or bulk.total <= PORTION:
        return None
    if listing_of(bulk.listing).kind.singular not in seen_by(user):
        return None
    with transaction.atomic():
        # Waits for the portion under way; what isn't done yet would be done behind this.
        Bulk.objects.filter(pk=bulk.pk, state=State.RUNNING).update(state=State.STOPPED)
        back = Bulk.objects.create(
            person_id=user.pk, listing=bulk.listing, verb=Verb.UNDO, undoes=action, told=bulk.told
        )
        table = listing_of(bulk.listing).kind.table
        # The last that was done is taken back first: a row may hang on one that was done before.
        back.total = _insert(
            back,
            "select row_key, max(revision) from realtime_change where action = %s and table_name = %s"
            " and row_key is not null group by row_key order by 2 desc",
            [action, table],
        )
        back.save(update_fields=["total"])
    return back


# Reports: each is for the person whose bulk it is


@require_safe
@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """What somebody has done to many rows at once, the newest first."""
    mine = Bulk.objects.filter(person_id=request.user.pk)[:LISTED]
    return render(request, "live/bulk/list.html", {"bulks": mine})


@require_safe
@login_required
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    bulk = get_object_or_404(Bulk, pk=pk, person_id=request.user.pk)
    try:
        kind = listing_of(bulk.listing).kind
    except UnknownDefinition:
        raise Http404("this version of the portal doesn’t have that list") from None
    if not request.user.has_perm(kind.permission("view")):
        raise PermissionDenied
    live = live_view("bulk", {"id": pk, "person": request.user.pk, "listing": bulk.listing})
    return render(request, "live/bulk/show.html", {"bulk": bulk, "kind": kind, "live": live})


@require_POST
@login_required
def stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stops after the portion under way."""
    return _turn(request, pk, State.RUNNING, State.STOPPED)


@require_POST
@login_required
def resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _turn(request, pk, State.STOPPED, State.RUNNING)


def _turn(request: HttpRequest, pk: UUID, before: State, after: State) -> HttpResponse:
    mine = Bulk.objects.filter(pk=pk, person_id=request.user.pk)
    if not mine.exists():
        raise Http404("no such bulk")
    # A second click finds it turned.
    mine.filter(state=before).update(state=after)
    return redirect("bulk", pk=pk)
