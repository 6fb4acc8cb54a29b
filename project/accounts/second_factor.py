"""Groups whose members must have a second factor (``GroupRule``).

Somebody who has none is *confined*: they can set one up or sign out, and nothing else. The session says so, too,
because the hub reads sessions and knows nothing of second factors.
"""

from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import Exists, OuterRef
from django.http import HttpRequest

from project.accounts.models import GroupRule, User
from realtime.hub.rights import CONFINED

# A recovery code is no factor of its own.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def owes_second_factor(key: UUID) -> bool:
    """Whether the user with this key must have a second factor and has none."""
    rules = GroupRule.objects.filter(second_factor=True, group__user=OuterRef("pk"))
    factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=FACTORS)
    return User.objects.filter(Exists(rules), ~Exists(factors), pk=key).exists()


def is_confined(request: HttpRequest) -> bool:
    """Reads it anew, and lets the session say the same."""
    key = request.user.pk
    owes = key is not None and owes_second_factor(key)
    if owes and CONFINED not in request.session:
        # Under a new key, so that the pages that are open under the old one lose their records.
        request.session.cycle_key()
        request.session[CONFINED] = True
        request.session.save()
        UserSession.objects.create_from_request(request)
    elif not owes and CONFINED in request.session:
        del request.session[CONFINED]
    return owes


def confinement(request: HttpRequest) -> dict[str, Any]:
    """Context processor: to somebody confined, pages show nothing but what sets up a second factor."""
    confined = getattr(request, "is_confined", False)
    return {"is_confined": confined, "page_frame": "base_bare.html" if confined else "base.html"}
