"""The pages of an import: choose a file, match its columns, see what its rows become, import them.

Each step is a plain form. What takes long goes on beside the requests (``running.py``); its page asks how far it is,
with a script every second, without one by loading itself again.
"""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.formats import number_format
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.importing.kinds import Importable
from crm.importing.matching import ColumnsForm, column_name, guessed
from crm.importing.reading import ROWS, Reading, Unreadable, reading_of, rows_of, sheets_of
from crm.importing.rows import PROBLEMS, Outcome
from crm.importing.running import State, begin, give_up
from crm.models import FileImport
from realtime.pages.access import may

BYTES = 20 * 1024 * 1024
PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 200

STEPS = ("Choose a file", "Match its columns", "Check its rows", "Import")
_STEP_OF = {State.MATCHING: 2, State.CHECKING: 3, State.CHECKED: 3, State.IMPORTING: 4, State.DONE: 4}
_WORKING = {State.CHECKING: "checked", State.IMPORTING: "imported"}


class FileForm(forms.Form):
    """Takes a file that can be read as rows; ``read`` then says how."""

    file = forms.FileField(
        label="File",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
        error_messages={"required": "Choose a file first.", "empty": "This file is empty."},
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        content = file.read() if file.size <= BYTES else b""
        # An upload beyond the portal's own limit arrives without its content.
        if len(content) != file.size:
            raise ValidationError(
                f"“{file.name}” is too large: {BYTES // 1024**2} MB is the most that can be imported."
            )
        try:
            reading = reading_of(content)
            self.read: dict[str, Any] = read_with(content, reading)
            self.read |= {"content": content, "sheets": sheets_of(content)}
        except Unreadable as why:
            raise ValidationError(f"“{file.name}” can’t be imported. {why}") from None
        return file


def read_with(content: bytes, reading: Reading) -> dict[str, Any]:
    """What an import keeps of a file that is read this way; raises ``Unreadable``."""
    rows = rows_of(content, reading)
    headings = next(rows).cells
    preview, count = [], 0
    for count, row in enumerate(rows, start=1):
        if count <= PREVIEW_ROWS:
            preview.append({"number": row.number, "cells": [cell[:PREVIEW_CHARACTERS] for cell in row.cells]})
    return {"reading": asdict(reading), "headings": headings, "preview": preview, "row_count": count}


def person_id(request: HttpRequest) -> UUID:
    assert request.user.pk is not None
    return request.user.pk


class ImportPages:
    def __init__(self, importable: Importable) -> None:
        self.importable = importable
        self.kind = importable.kind

    def urls(self) -> list[URLPattern]:
        base, kind = f"{self.kind.plural}/import/", self.kind
        either = require_http_methods(["GET", "HEAD", "POST"])
        pages = (
            ("", f"{kind.plural}-import", either, self.choose),
            ("<uuid:key>/", f"{kind.singular}-import", either, self.show),
            ("<uuid:key>/run/", f"{kind.singular}-import-run", require_POST, self.run),
            ("<uuid:key>/columns/", f"{kind.singular}-import-columns", require_POST, self.back),
            ("<uuid:key>/drop/", f"{kind.singular}-import-drop", require_POST, self.drop),
            ("<uuid:key>/progress/", f"{kind.singular}-import-progress", require_safe, self.progress),
        )
        return [
            path(base + route, methods(may(kind.permission("add"))(page)), name=name)
            for route, name, methods, page in pages
        ]

    # The pages

    def choose(self, request: HttpRequest) -> HttpResponse:
        FileImport.throw_away_old()
        form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
        if request.method == "POST" and form.is_valid():
            job = FileImport.objects.create(
                person_id=person_id(request),
                table=self.kind.plural,
                file_name=form.cleaned_data["file"].name,
                columns=guessed(self.importable, form.read["headings"]),
                **form.read,
            )
            return self._to(job.pk)
        waiting = list(self._mine(request).exclude(state=State.DONE).order_by("-created_at"))
        return self._render(request, "choose", 1, {"form": form, "waiting": waiting, "most": ROWS})

    def show(self, request: HttpRequest, key: UUID) -> HttpResponse:
        give_up(key)
        job = self._job(request, key)
        if job.state == State.MATCHING:
            return self._match(request, job)
        if request.method == "POST":
            # A second click, or a page that is no longer current.
            return self._to(key)
        context: dict[str, Any] = {"job": job}
        if job.state in _WORKING:
            page, context = "working", context | {"words": self._words(job)}
        else:
            page, context = job.state, context | self._told(Outcome.from_json(job.outcome))
        return self._render(request, page, _STEP_OF[State(job.state)], context)

    def _match(self, request: HttpRequest, job: FileImport) -> HttpResponse:
        reading = Reading(**job.reading)
        known = self.importable, job.headings, reading, job.sheets
        form = ColumnsForm(*known, initial=job.columns | job.reading)
        if request.method == "POST":
            form = ColumnsForm(*known, data=request.POST)
            valid = form.is_valid()
            chosen = form.reading(reading)
            if chosen != reading:
                # Its columns are others now: the choice is made again, whatever it was.
                if self._read_anew(job, chosen, form):
                    return self._to(job.pk)
            elif valid and "again" not in request.POST:
                self._mine(request).filter(pk=job.pk, state=State.MATCHING).update(columns=form.columns)
                begin(job.pk, State.CHECKING)
                return self._to(job.pk)
            elif "again" in request.POST:
                return self._to(job.pk)
        headings = [column_name(job.headings, column) for column in range(len(job.headings))]
        preview = [row | {"cells": (row["cells"] + [""] * len(headings))[: len(headings)]} for row in job.preview]
        context = {"job": job, "form": form, "reading": reading.words, "headings": headings, "preview": preview}
        return self._render(request, "matching", 2, context)

    def _read_anew(self, job: FileImport, reading: Reading, form: ColumnsForm) -> bool:
        content = bytes(FileImport.objects.values_list("content", flat=True).get(pk=job.pk))
        try:
            read = read_with(content, reading)
        except Unreadable as why:
            form.add_error(form.reading_fields[0].name, str(why))
            return False
        columns = guessed(self.importable, read["headings"])
        FileImport.objects.filter(pk=job.pk, state=State.MATCHING).update(columns=columns, **read)
        return True

    def run(self, request: HttpRequest, key: UUID) -> HttpResponse:
        begin(self._job(request, key).pk, State.IMPORTING)
        return self._to(key)

    def back(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """To the columns again, from rows that have been checked."""
        self._mine(request).filter(pk=key, state=State.CHECKED).update(state=State.MATCHING, failure="")
        return self._to(key)

    def drop(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """Also while it runs: then nothing of it is imported."""
        self._mine(request).filter(pk=key).delete()
        return redirect(self.kind.import_name)

    def progress(self, request: HttpRequest, key: UUID) -> HttpResponse:
        give_up(key)
        job = self._job(request, key)
        return JsonResponse({"state": job.state, "done": job.progress, "words": self._words(job)})

    # What they say

    def _words(self, job: FileImport) -> str:
        done, total = number_format(job.progress), number_format(job.row_count)
        return f"{done} of {total} rows {_WORKING[State(job.state)]}" if job.state in _WORKING else ""

    def _told(self, outcome: Outcome) -> dict[str, Any]:
        hidden = outcome.problem_count - len(outcome.problems)
        return {"outcome": outcome, "shown": PROBLEMS, "hidden": hidden}

    def _mine(self, request: HttpRequest) -> Any:
        return FileImport.objects.filter(person_id=person_id(request), table=self.kind.plural).defer("content")

    def _job(self, request: HttpRequest, key: UUID) -> FileImport:
        job: FileImport | None = self._mine(request).filter(pk=key).first()
        if job is None:
            raise Http404
        return job

    def _to(self, key: UUID) -> HttpResponse:
        return redirect(f"{self.kind.app}:{self.kind.singular}-import", key=key)

    def _render(self, request: HttpRequest, page: str, step: int, context: dict[str, Any]) -> HttpResponse:
        base = f"{self.kind.app}:{self.kind.singular}-import"
        shared = {
            "kind": self.kind,
            "names": {"show": base} | {verb: f"{base}-{verb}" for verb in ("run", "columns", "drop", "progress")},
            "steps": list(enumerate(STEPS, start=1)),
            "step": step,
            "may_change": request.user.has_perm(self.kind.permission("change")),
            "labels": list(self.importable.labels.values()),
        }
        return render(request, f"crm/import/{page}.html", shared | context)
