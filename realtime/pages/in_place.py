"""The form of a new row on a page about another one: a script asks for it, and sends it, without leaving the page.

Both go to the address of the kind's own page for a new row, which is what the page's link leads to without a script.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse

from realtime.live.kind import Kind
from realtime.models import LiveModel
from realtime.pages.live_form import LiveModelForm


def created(instance: LiveModel) -> str:
    return f"“{instance}” was created."


def create_in_place(
    request: HttpRequest, kind: Kind, opened: Callable[..., LiveModelForm], fixed: Mapping[str, Any]
) -> JsonResponse:
    """The form, or what came of it: a sentence, and the form again if it is refused.

    ``opened`` makes it, empty or as it was sent. ``fixed`` are the fields that the page decides, such as its customer:
    they aren't asked for.
    """
    # Several such forms may be on a page.
    form = opened(initial=dict(fixed), auto_id=f"new-{kind.singular}-%s")
    for field in form.fields.values():
        if isinstance(field.widget, forms.Textarea | forms.TextInput):
            # Without a placeholder, style sheets can't tell that a box is empty.
            field.widget.attrs.setdefault("placeholder", " ")
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            instance = form.save()
        return JsonResponse({"said": created(instance), "url": reverse(kind.detail_name, args=[instance.pk])})
    # Now that they are read: some widgets take more than one control.
    for name in fixed:
        form.fields[name].widget = forms.HiddenInput()
    context = {"kind": kind, "form": form, "address": request.get_full_path()}
    told = {"html": render_to_string("live/_form_in_place.html", context, request)}
    if request.method != "POST":
        return JsonResponse(told, headers={"Cache-Control": "no-store"})
    return JsonResponse(told | {"said": _refusal(form)}, status=422)


def _refusal(form: LiveModelForm) -> str:
    labels = [str(field.label) for field in form.visible_fields() if field.errors]
    if not labels:
        return "Nothing was saved yet."
    return f"Nothing was saved yet: see {' and '.join(filter(None, [', '.join(labels[:-1]), labels[-1]]))}."


def mistakes(form: forms.BaseForm) -> str:
    """What is wrong in a form, for whoever doesn't see it."""
    told = [
        f"{form[name].label if name in form.fields else 'Form'}: {' '.join(map(str, errors))}"
        for name, errors in form.errors.items()
    ]
    return " ".join(["Nothing was saved.", *told])
