"""A browser names each of its writes with a key of its own: sent twice, it is done once (design rule 36).

The key is noted in the transaction of the write itself. So it is there exactly if the write is, and whoever comes with
the same key again is told what was told the first time. Three looks are enough, without any lock:

- before the view: it was done already;
- with each write: another request with this key was quicker, so this one's transaction is given up;
- after a refusal: what stood in the way may have been this very write, done by that other request.

A key belongs to an account and an address. An answer to a keyed write names the key: without it, the browser takes
what it gets for no answer of ours (a proxy's, a hotel's), keeps the write (static/js/outbox/) and sends it again.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.messages import constants
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.views.decorators.http import require_safe

from realtime.database.actor import before_each_write
from realtime.database.refusals import first_line
from realtime.live.person import person_of
from realtime.models import KeyedWrite, RealtimeChange
from realtime.pages.said import HEADER as ACTION
from realtime.pages.said import messages_of, undoable_action
from realtime.pages.unsent import SESSION_ENDED, UNREADABLE, not_yours, wants_sentence

logger = logging.getLogger(__name__)

# A head of what scripts send and of the answers to it; and a hidden field of forms that the browser itself sends.
HEADER = "Livedesk-Write"
FIELD = "write"
# A browser that comes back later than this may do a write twice, if the answer was lost.
KEPT_DAYS = 30

_DONE = "This was saved."
_REFUSED = "Nothing was saved: something in it has to be put right, or somebody has changed the same. Open it to see."
_NOTE = (
    "insert into realtime_keyed_write (key, owner_id, address, request, answer) values (%s, %s, %s, %s, '{}')"
    " on conflict (key) do nothing"
)


class _DoneAlready(Exception):
    """Another request has written with this key."""


@dataclass(slots=True)
class _Write:
    """One request with a key."""

    key: UUID
    request: HttpRequest
    name: UUID = field(default_factory=uuid4)
    is_over: bool = False

    def note(self, cursor: Any) -> None:
        """In the transaction of a write. Raises ``_DoneAlready``."""
        # Work that a request has left behind is no part of it.
        if self.is_over:
            return
        cursor.execute(_NOTE, [self.key, self.request.user.pk, self.request.path, self.name])
        if cursor.rowcount:
            return
        cursor.execute("select request from realtime_keyed_write where key = %s", [self.key])
        # A request may write several times.
        if cursor.fetchone() != (self.name,):
            raise _DoneAlready

    def keep(self, answer: dict[str, Any]) -> None:
        """What was told. Also notes what has changed nothing: it was done all the same."""
        mine = {"owner_id": self.request.user.pk, "address": self.request.path, "request": self.name}
        try:
            if not KeyedWrite.objects.filter(pk=self.key, request=self.name).update(answer=answer):
                KeyedWrite.objects.bulk_create([KeyedWrite(key=self.key, answer=answer, **mine)], ignore_conflicts=True)
        except (DatabaseError, InterfaceError) as error:
            # It is done, and whoever asks again is told that much.
            logger.warning("the answer to a write isn’t kept: %s", first_line(error))

    def again(self) -> HttpResponse | None:
        """The answer to whoever comes with a key that was used; None where it wasn't."""
        request = self.request
        if not request.user.is_authenticated or (write := KeyedWrite.objects.filter(pk=self.key).first()) is None:
            return None
        if write.owner_id != request.user.pk:
            return not_yours(request)
        if write.address != request.path:
            said = f"Nothing was saved: the key {self.key} was used for another address, {write.address}."
            return JsonResponse({"said": said}, status=409)
        body, action = write.answer.get("body", {"said": _DONE}), write.answer.get("action", "")
        if wants_sentence(request):
            status = write.answer.get("status", 200)
            return JsonResponse(body, status=status, headers={ACTION: action} if action else {})
        # A blank for an action: what was done before is none of this request's.
        messages_of(request).add(constants.SUCCESS, body.get("said", _DONE), action or " ")
        url = body.get("url") or settings.URL_PREFIX
        return JsonResponse({**body, "said": ""}) if self.is_scripts else redirect(url)

    @property
    def is_scripts(self) -> bool:
        return HEADER in self.request.headers

    def settled(self, response: HttpResponse) -> HttpResponse:
        """The answer as it leaves: noted if something was done, another request's if that was quicker."""
        if not self.request.user.is_authenticated:
            return self._for_script(response)
        if not _is_done(response):
            if not KeyedWrite.objects.filter(pk=self.key, request=self.name).exists():
                return self.again() or self._for_script(response)
            # Done in part: an undo asks about the rest.
            if _is_json(response):
                self.keep({"body": json.loads(response.content), "status": response.status_code})
            return self._for_script(response)
        told, action = _told(self.request, response), response.headers.get(ACTION) or undoable_action()
        if action and (revision := self._revision(action)):
            told["revision"] = revision
        self.keep({"body": told, "action": action})
        if self.is_scripts and _is_json(response):
            response.content = json.dumps(told).encode()
        if not self.is_scripts or "Location" not in response:
            return response
        if not wants_sentence(self.request):
            return _with_cookies(JsonResponse({**told, "said": ""}), response)
        messages_of(self.request).take_back()
        return _with_cookies(JsonResponse(told), response)

    def _revision(self, action: str) -> int | None:
        """What the record of the address came to by it: whoever has written more to it meant it on top of that."""
        match = self.request.resolver_match
        if match is None or "pk" not in match.kwargs:
            return None
        mine = RealtimeChange.objects.filter(action=action, row_key=str(match.kwargs["pk"]))
        return mine.order_by("-revision").values_list("revision", flat=True).first()

    def _for_script(self, response: HttpResponse) -> HttpResponse:
        """A refusal as a sentence, where a page would be the answer to a form."""
        if not self.is_scripts or not wants_sentence(self.request) or _is_json(response):
            return response
        if "Location" in response:
            said = f"{SESSION_ENDED.heading}. {SESSION_ENDED.sentence}"
            return JsonResponse({"said": said, "sign_in": resolve_url("account_login")}, status=SESSION_ENDED.status)
        messages = messages_of(self.request)
        told: dict[str, Any] = {"said": messages.new or getattr(response, "refusal", _REFUSED)}
        messages.take_back()
        if getattr(response, "is_conflict", False):
            told["conflict"] = True
        # A form with mistakes is shown again as a page like any other.
        status = response.status_code if response.status_code >= 400 else 422
        return JsonResponse(told, status=status)


class KeyedWriteMiddleware:
    """Does each keyed write once, and answers it every time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not (told := _told_key(request)):
            return self.get_response(request)
        try:
            write = _Write(UUID(told), request)
        except ValueError:
            said = f"“{told[:80]}” is no key of a write; that is a UUID such as 123e4567-e89b-42d3-a456-426614174000."
            return JsonResponse({"said": said}, status=400)
        request.keyed_write = write  # type: ignore[attr-defined]
        with before_each_write(write.note):
            response = self.get_response(request)
        write.is_over = True
        if not getattr(request, "is_repeated", False):
            response = write.settled(response)
        response.headers[HEADER] = str(write.key)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        write: _Write | None = getattr(request, "keyed_write", None)
        return _repeated(request, write) if write else None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return _repeated(request, request.keyed_write) if isinstance(exception, _DoneAlready) else None  # type: ignore[attr-defined]


def _repeated(request: HttpRequest, write: _Write) -> HttpResponse | None:
    answer = write.again()
    request.is_repeated = answer is not None  # type: ignore[attr-defined]
    return answer


def _told_key(request: HttpRequest) -> str:
    if request.method != "POST":
        return ""
    if told := request.headers.get(HEADER, ""):
        return told
    try:
        return request.POST.get(FIELD, "")
    except UNREADABLE:
        return ""


def _is_done(response: HttpResponse) -> bool:
    # A form that is shown again is a page.
    return 300 <= response.status_code < 400 or (response.status_code < 300 and not _is_page(response))


def _is_page(response: HttpResponse) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")


def _is_json(response: HttpResponse) -> bool:
    return response.headers.get("Content-Type", "").startswith("application/json")


def _told(request: HttpRequest, response: HttpResponse) -> dict[str, Any]:
    if _is_json(response):
        told: dict[str, Any] = json.loads(response.content)
        return told
    said = messages_of(request).new
    return {"said": said or _DONE, "url": response.headers.get("Location", "")}


def _with_cookies(answer: HttpResponse, response: HttpResponse) -> HttpResponse:
    answer.cookies = response.cookies
    return answer


def refusing(page: HttpResponse, sentence: str, is_conflict: bool = False) -> HttpResponse:
    """A page that shows a form again, with what that comes to for a script. The page can settle a conflict."""
    page.refusal, page.is_conflict = sentence, is_conflict  # type: ignore[attr-defined]
    return page


@require_safe
def who(request: HttpRequest) -> HttpResponse:
    """Whose session the browser has now, before it sends what it has kept for somebody."""
    # A session that began in another tab may have left this browser without a token.
    get_token(request)
    return JsonResponse({"person": person_of(request.user)}, headers={"Cache-Control": "no-store"})


def throw_away_old() -> None:
    """Each hour: keys that no browser can be expected to come with any more."""
    KeyedWrite.objects.filter(at__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()
