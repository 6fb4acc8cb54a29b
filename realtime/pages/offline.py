"""Pages that somebody has opened lately can be read without a network: a service worker keeps them (docs/OFFLINE.md).

Which pages, for whom and until when, is said here, in the answer; ``static/js/service-worker.js`` does the keeping.
"""

import json
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from realtime.build import build_id
from realtime.live.person import person_of

# "<whose page it is> <when their session ends, in seconds since 1970> <which portal's it is: its root on the host>".
HEADER = "Livedesk-Reader"
_KINDS = ("text/html", "text/css")


class ReaderMiddleware:
    """Names the reader of every page of records, and of the style sheets made for them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method == "GET" and response.status_code == 200 and _may_be_kept(request, response):
            until = int(request.session.get_expiry_date().timestamp())
            response.headers[HEADER] = f"{person_of(request.user)} {until} {settings.URL_PREFIX}"
        return response


def _may_be_kept(request: HttpRequest, response: HttpResponse) -> bool:
    """Pages that ask for a right to see records, and where people land. Not: accounts, administration, imports."""
    kind, caching = (response.headers.get(name, "") for name in ("Content-Type", "Cache-Control"))
    if not kind.startswith(_KINDS) or "no-store" in caching:
        return False
    match = request.resolver_match
    if match is None or "import" in request.path.split("/"):
        return False
    is_asked = bool(getattr(match.func, "permissions", ())) or match.url_name in (settings.LOGIN_REDIRECT_URL, "own")
    # Last: a page that needs no database may be asked for without one.
    return is_asked and request.user.is_authenticated


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Names the build, so that each deploy brings a new one; no cache keeps it (``PrivatePagesMiddleware``)."""
    told = f"const BUILD = {json.dumps(build_id())}, ROOT = {json.dumps(settings.URL_PREFIX)};"
    script = f"{told}\nimportScripts({json.dumps(static('js/service-worker.js'))});\n"
    return HttpResponse(script, content_type="text/javascript")


@require_safe
def without_network(request: HttpRequest) -> HttpResponse:
    """What is shown in the place of a page that isn't kept. It knows nobody: the browser keeps it with the build."""
    return render(request, "offline.html")
