from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from realtime.keys import Key
from realtime.pages.access import may
from ticketing import actions
from ticketing.actions import Refused
from ticketing.file_names import harmless_type
from ticketing.files import chunks_of
from ticketing.forms import UploadForm
from ticketing.kinds import ATTACHMENT, TICKET
from ticketing.models import Attachment
from ticketing.views.answers import Elsewhere, ticket_action
from ticketing.views.tickets import PAGES, number


@ticket_action(ATTACHMENT.permission("add"))
def create(request: HttpRequest, pk: Key) -> str | Elsewhere:
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        told = [str(error) for errors in form.errors.values() for error in errors]
        raise Refused(422, " ".join(["Nothing was uploaded.", *told]), upload_form=form)
    files = actions.attach(pk, form.cleaned_data["files"])
    said = f"“{files[0]}” was attached" if len(files) == 1 else f"{len(files)} files were attached"
    if files[0].ticket_id != pk:
        return Elsewhere(f"{said} to “{files[0].ticket}”, which this ticket was merged into.", files[0].ticket_id)
    return f"{said}."


@require_safe
@may(ATTACHMENT.permission("view"))
def download(request: HttpRequest, pk: Key) -> HttpResponseBase:
    """Sends an upload as a file to keep: no browser may take it for a page of this portal."""
    attachment = get_object_or_404(Attachment, pk=pk)
    if not attachment.stored_name:
        raise Http404("not one of our uploads")
    try:
        file = default_storage.open(attachment.stored_name)
        size = file.size
    except FileNotFoundError:
        messages.error(request, f"The file “{attachment}” is missing from the storage.")
        return PAGES.show(request, attachment.ticket_id, 404)
    headers = {
        "Content-Length": str(size),
        "Content-Disposition": content_disposition_header(True, attachment.shown_name) or "attachment",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }
    told = harmless_type(attachment.shown_name)
    return StreamingHttpResponse(chunks_of(file), content_type=told, headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
@may(ATTACHMENT.permission("delete"))
def delete(request: HttpRequest, pk: Key) -> HttpResponse:
    attachment, conflict = get_object_or_404(Attachment, pk=pk), False
    if request.method == "POST":
        try:
            actions.delete_attachment(pk, number(request.POST))
        except Refused as refusal:
            conflict = refusal.status == 409
        if not conflict:
            messages.success(request, f"“{attachment}” was deleted.")
            return redirect(TICKET.detail_name, pk=attachment.ticket_id)
        attachment = get_object_or_404(Attachment, pk=pk)
    context = {"kind": ATTACHMENT, "object": attachment, "conflict": conflict}
    return render(request, f"{ATTACHMENT.templates}/confirm_delete.html", context, status=409 if conflict else 200)
