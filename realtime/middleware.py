from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from realtime.actor import acting_user


class ActorMiddleware:
    """Names the signed-in user as the actor of whatever this request writes (design rule 4)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        def signed_in_user() -> str:
            user = getattr(request, "user", None)
            return str(user.pk) if user is not None and user.is_authenticated else ""

        with acting_user(signed_in_user):
            return self.get_response(request)
