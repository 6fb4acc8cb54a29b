from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.defaults import bad_request

from realtime.database.pool import give_back

NUL = "\x00"


def _has_nul(request: HttpRequest) -> bool:
    sent = [value for fields in (request.GET, request.POST) for _, values in fields.lists() for value in values]
    return any(NUL in str(value) for value in (request.path, *sent))


# Nothing here needs a nonce: there are no inline scripts or styles. `'self'` in connect-src covers the WebSocket.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)


class GiveBackMiddleware:
    """Gives the database connection back before the answer is sent: a slow reader keeps none from the others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        give_back()
        return response


class PrivatePagesMiddleware:
    """No shared cache keeps an answer, and a browser asks before it shows one again.

    It stands behind the static files, which anybody may keep.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ("Cookie",))
        return response


class ContentSecurityPolicyMiddleware:
    """Sends the same strict policy with every response (Django 6 has this built in; moving there is a deletion)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


class UnreadableRequestMiddleware:
    """Answers 400 to what PostgreSQL can't take: a NUL that no form or list has checked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Not a session key of ours; used as one, it would fail every query that it takes part in.
        if not request.COOKIES.get(settings.SESSION_COOKIE_NAME, "a").isalnum():
            del request.COOKIES[settings.SESSION_COOKIE_NAME]
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        # The admin lets a ValidationError through when a key isn't one.
        if isinstance(exception, ValidationError) or (
            isinstance(exception, DataError | ValueError) and _has_nul(request)
        ):
            return bad_request(request, exception)
        return None
