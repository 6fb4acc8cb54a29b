import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse

from realtime.database.actor import Origin, acting_user
from realtime.database.refusals import first_line
from realtime.live.person import person_of
from realtime.pages.drafts import end_what_was_saved
from realtime.pages.said import with_action
from realtime.pages.unsent import is_anothers, not_yours
from realtime.sight import seeing, sight_of

logger = logging.getLogger(__name__)


class ActorMiddleware:
    """Whatever this request writes is one action of the signed-in user (design rules 4 and 29)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def signed_in_user() -> str:
            user = getattr(request, "user", None)
            return str(user.pk) if user is not None and user.is_authenticated else ""

        def origin() -> Origin:
            match = request.resolver_match
            return Origin.ADMIN if match is not None and "admin" in match.namespaces else Origin.PORTAL

        with acting_user(signed_in_user, origin):
            return with_action(request, self.get_response(request))


class SightMiddleware:
    """Whoever is signed in finds the rows that they may see, and no others (design rule 34)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Once for each request, when it first asks for a live row.
        request.sight = cache(lambda: sight_of(request.user))  # type: ignore[attr-defined]
        with seeing(request.sight):  # type: ignore[attr-defined]
            return self.get_response(request)


class PersonMiddleware:
    """Never saves a form as anybody but the person it was painted for (design rule 35)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if request.method != "POST":
            return None
        # Noted here, because an answer given after the database has failed can't ask it again.
        request.person = person_of(request.user)  # type: ignore[attr-defined]
        return not_yours(request) if is_anothers(request) else None


class DraftMiddleware:
    """Ends a form's draft in the request that saves it, so that no script has to run for it (design rule 33)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        try:
            end_what_was_saved(request, response)
        except (DatabaseError, InterfaceError) as error:
            # It is saved all the same; the draft is offered once more.
            logger.warning("the draft of a saved form stays for now: %s", first_line(error))
        return response
