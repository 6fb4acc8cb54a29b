from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from project.accounts.second_factor import is_confined

# What somebody may do who has yet to set up a second factor.
OPEN = ("mfa_", "account_")
# Operators' pages say how this process is, whatever the database does, so they read no session.
SESSIONLESS = ("healthz", "readyz", "metrics")


class SecondFactorMiddleware:
    """Leads whoever must have a second factor, and has none, to where it is set up; everything else is refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in SESSIONLESS or not request.user.is_authenticated:
            return None
        confined = request.is_confined = is_confined(request)  # type: ignore[attr-defined]
        if not confined or name.startswith(OPEN):
            return None
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied("a second factor must be set up first")
        return redirect("mfa_index")
