"""What somebody has just done, told together with the name of the action, so that the page can offer to undo it."""

from typing import Any, cast

from django.conf import settings
from django.contrib.messages import constants, get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from realtime.database.actor import Origin, current_action
from realtime.live.tracked import all_tracked
from realtime.models import RealtimeChange
from realtime.pages.unsent import wants_sentence

# On answers to what was sent in the background (static/js/answers.js).
HEADER = "Livedesk-Action"
MESSAGES_COOKIE = f"messages{settings.COOKIE_SUFFIX}"
_OFFERED = (f"{Origin.PORTAL}:", f"{Origin.UNDO}:")


class OwnCookieStorage(CookieStorage):
    """Django's name is the same in every project on the host."""

    cookie_name = MESSAGES_COOKIE


class MessagesWithActions(FallbackStorage):
    """Every sentence about something done carries the action's name as its ``extra_tags``."""

    storage_classes = (OwnCookieStorage, SessionStorage)

    def add(self, level: int, message: Any, extra_tags: str | None = "") -> None:
        super().add(level, message, extra_tags or (undoable_action() if level == constants.SUCCESS else ""))

    def update(self, response: HttpResponseBase) -> list[Any]:
        unstored = super().update(response)
        if MESSAGES_COOKIE in response.cookies:
            response.cookies[MESSAGES_COOKIE]["path"] = settings.URL_PREFIX
        return unstored or []

    @property
    def new(self) -> str:
        """What this request has said, in one."""
        return " ".join(str(message) for message in self._queued_messages)

    def take_back(self) -> None:
        """What this request has said is told in another way than on the next page."""
        self._queued_messages: list[Any] = []


def messages_of(request: HttpRequest) -> MessagesWithActions:
    """``settings.MESSAGE_STORAGE`` makes them."""
    return cast(MessagesWithActions, get_messages(request))


def undoable_action() -> str:
    """The name of the action under way, if it has changed anything that has a history."""
    name = current_action()
    if not name.startswith(_OFFERED):
        return ""
    try:
        tables = [tracked.table for tracked in all_tracked()]
        is_logged = RealtimeChange.objects.filter(action=name, table_name__in=tables).exists()
    except DatabaseError:
        # It was done all the same; the history has it.
        return ""
    return name if is_logged else ""


def with_action(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Names the action of a request that was sent in the background."""
    is_asked = request.method == "POST" and response.status_code < 400 and wants_sentence(request)
    if is_asked and HEADER not in response and (name := undoable_action()):
        response.headers[HEADER] = name
    return response
