"""The pages of tickets; a ticket's page includes its conversation, its files, its links and its one-click actions."""

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse

from realtime.keys import Key
from realtime.live.filters import ME
from realtime.live.first_paint import live_view
from realtime.pages.live_form import LiveModelForm
from realtime.pages.live_pages import LivePages
from ticketing import people, words
from ticketing.forms import LinkForm, NewCommentForm, TicketForm, UploadForm
from ticketing.kinds import ATTACHMENT, COMMENT, LINK, TICKET
from ticketing.models import Ticket
from ticketing.rights import may_merge, may_moderate


class TicketPages(LivePages):
    def choices(self, request: HttpRequest, name: str) -> list[tuple[str, str]]:
        if name != "assigned":
            return []
        me = str(request.user.pk)
        others = [(key, word) for key, word in people.staff() if key != me]
        return [(ME, "Me"), (people.NOBODY, people.NOBODY_NAME), *others]

    def opened(self, request: HttpRequest, **arguments: Any) -> LiveModelForm:
        return super().opened(request, me=request.user.pk, **arguments)

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return quick_choices(request)

    def initial(self, request: HttpRequest) -> dict[str, Any]:
        return {"customer": request.GET["customer"]} if "customer" in request.GET else {}

    def detail(self, request: HttpRequest, pk: Key) -> HttpResponse:
        return self.show(request, pk)

    def show(self, request: HttpRequest, pk: Key, status: int = 200, **forms: Any) -> HttpResponse:
        """The ticket's page; ``forms`` replaces the empty forms with those that were sent and refused."""
        user, ticket = request.user, Ticket.objects.filter(pk=pk).first()
        context: dict[str, Any] = {
            "live": live_view(TICKET.singular, {"id": pk}),
            "object": ticket,
            "pk": pk,
            "can_change": user.has_perm(TICKET.permission("change")),
            "can_delete": user.has_perm(TICKET.permission("delete")),
            "can_comment": user.has_perm(COMMENT.permission("add")),
            "can_moderate": may_moderate(user),
            "can_attach": user.has_perm(ATTACHMENT.permission("add")),
            "can_detach": user.has_perm(ATTACHMENT.permission("delete")),
            "comment_form": NewCommentForm(ticket=pk),
            "upload_form": UploadForm(),
            "can_merge": may_merge(user),
            "own_stylesheet": reverse("ticketing:own", args=[user.pk]),
        }
        # Also for a deleted ticket: a page that saw it go still has its lists, so a reload must have them too.
        if user.has_perm(COMMENT.permission("view")):
            context["conversation"] = live_view(COMMENT.plural, request.GET.dict() | {"ticket": pk})
        if user.has_perm(ATTACHMENT.permission("view")):
            context["attachments"] = live_view(ATTACHMENT.plural, {"ticket": pk})
        if user.has_perm(LINK.permission("view")):
            context["links"] = live_view("ticket-links", {"id": pk})
            context["can_unlink"] = user.has_perm(LINK.permission("delete"))
            if user.has_perm(LINK.permission("add")):
                context["link_form"] = LinkForm()
        if context["can_comment"]:
            context["reply"] = live_view("ticket-reply", {"id": pk})
        if context["can_change"]:
            context |= {"actions": live_view("ticket-actions", {"id": pk}), "staff": people.staff()}
        return self._render(
            request, "detail", context | self.ways(request, pk) | forms, status=status if ticket else 404
        )


def quick_choices(request: HttpRequest) -> dict[str, Any]:
    """What the menu of a ticket's row offers."""
    colleagues = [(key, name) for key, name in people.staff() if key != str(request.user.pk)]
    return words.offered() | {"colleagues": colleagues}


PAGES = TicketPages(TICKET, TicketForm)


def number(data: QueryDict, name: str = "revision") -> int:
    """A posted revision; one that isn't a number becomes -1, which fits no row."""
    try:
        return int(data.get(name, ""))
    except ValueError:
        return -1
