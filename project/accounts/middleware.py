from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from project.accounts.second_factor import is_confined

# What somebody may do who has yet to set up a second factor.
OPEN = ("mfa_", "account_")
# Operators' pages, which ask for no session.
OPERATING = ("healthz", "readyz", "metrics")


class SecondFactorMiddleware:
    """Leads whoever must have a second factor, and has none, to where it is set up; everything else is refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        if match and match.view_name in OPERATING:
            # They answer without a database, too.
            return None
        if not request.user.is_authenticated:
            return None
        request.is_confined = is_confined(request)  # type: ignore[attr-defined]
        if not request.is_confined or (match and (match.view_name or "").startswith(OPEN)):  # type: ignore[attr-defined]
            return None
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied("a second factor must be set up first")
        return redirect("mfa_index")
