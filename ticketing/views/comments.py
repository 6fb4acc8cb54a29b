from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from realtime.keys import Key
from realtime.pages.access import may
from realtime.pages.live_pages import LivePages
from ticketing import actions
from ticketing.actions import Refused
from ticketing.forms import CommentForm, NewCommentForm
from ticketing.kinds import ATTACHMENT, COMMENT, TICKET
from ticketing.models import Comment
from ticketing.rights import may_change
from ticketing.views.answers import Elsewhere, person, ticket_action
from ticketing.views.tickets import number

PAGES = LivePages(COMMENT, CommentForm)


@ticket_action(COMMENT.permission("add"))
def create(request: HttpRequest, pk: Key) -> str | Elsewhere:
    form = NewCommentForm(request.POST, request.FILES, ticket=pk)
    if not form.is_valid():
        told = [str(error) for errors in form.errors.values() for error in errors]
        raise Refused(422, " ".join(["Nothing was saved.", *told]), comment_form=form)
    files = form.cleaned_data["files"]
    if files and not request.user.has_perm(ATTACHMENT.permission("add")):
        raise Refused(403, "Nothing was saved: your account may not attach files.", comment_form=form)
    try:
        comment = actions.add_comment(pk, person(request), form.cleaned_data["content"], files)
    except Refused as refusal:
        refusal.context["comment_form"] = form
        raise
    if comment.ticket_id != pk:
        sentence = f"This ticket was merged into “{comment.ticket}”, so your comment was added there."
        return Elsewhere(sentence, comment.ticket_id)
    return "Your comment was added."


@require_safe
@may(COMMENT.permission("view"))
def show(request: HttpRequest, pk: Key) -> HttpResponse:
    """Redirects a comment's own address into its conversation."""
    comment = get_object_or_404(Comment, pk=pk)
    return redirect(f"{reverse(TICKET.detail_name, args=[comment.ticket_id])}#comment-{pk}")


@require_http_methods(["GET", "HEAD", "POST"])
@may(COMMENT.permission("change"))
def edit(request: HttpRequest, pk: Key) -> HttpResponse:
    _own_or_moderated(request, pk)
    return PAGES.edit(request, pk)


@require_http_methods(["GET", "HEAD", "POST"])
@may(COMMENT.permission("change"))
def delete(request: HttpRequest, pk: Key) -> HttpResponse:
    comment, conflict = _own_or_moderated(request, pk), False
    if request.method == "POST":
        try:
            actions.delete_comment(pk, number(request.POST))
        except Refused as refusal:
            conflict = refusal.status == 409
        if not conflict:
            messages.success(request, "The comment was deleted.")
            return redirect(TICKET.detail_name, pk=comment.ticket_id)
        comment = get_object_or_404(Comment, pk=pk)
    context = {"kind": COMMENT, "object": comment, "conflict": conflict}
    return render(request, f"{COMMENT.templates}/confirm_delete.html", context, status=409 if conflict else 200)


def _own_or_moderated(request: HttpRequest, pk: Key) -> Comment:
    comment = get_object_or_404(Comment, pk=pk)
    if not may_change(request.user, comment):
        raise PermissionDenied
    return comment
