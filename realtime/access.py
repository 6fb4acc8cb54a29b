from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required, permission_required

View = Callable[..., Any]


def may(permission: str) -> Callable[[View], View]:
    """View decorator: sign-in first, then the right. Who lacks it gets a 403, not a second sign-in page."""

    def decorate(view: View) -> View:
        checked: View = login_required(permission_required(permission, raise_exception=True)(view))
        return checked

    return decorate
