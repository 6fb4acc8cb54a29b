from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from realtime.database.actor import Origin, acting_user
from realtime.live.person import person_of
from realtime.pages.said import with_action
from realtime.pages.unsent import is_anothers, not_yours


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
