from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest

from realtime.pages.unsent import SESSION_ENDED, kept

View = Callable[..., Any]


def may(permission: str) -> Callable[[View], View]:
    """View decorator: sign-in first, then the right. A user without it gets a 403, not a second sign-in page."""

    def decorate(view: View) -> View:
        checked: View = login_required(permission_required(permission, raise_exception=True)(view))

        @wraps(view)
        def keeping_what_was_typed(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not request.user.is_authenticated and (answer := kept(request, SESSION_ENDED)):
                return answer
            return checked(request, *args, **kwargs)

        # What an address asks for, for whoever offers a way to it.
        asked = (permission, *getattr(view, "permissions", ()))
        keeping_what_was_typed.permissions = asked  # type: ignore[attr-defined]
        return keeping_what_was_typed

    return decorate
