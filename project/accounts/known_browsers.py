"""Browsers that somebody has signed in from before.

While others guess at an account's password, its owner can still sign in from such a browser: its failures count apart.
The cookie says so for a year. It is signed and opens nothing by itself.
"""

import secrets

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse

COOKIE = f"known_browser{settings.COOKIE_SUFFIX}"
DAYS = 365
# A computer that many share: the cookie stays small.
PEOPLE = 20

_signer = TimestampSigner(salt="accounts.known_browser")


def known_browser(request: HttpRequest, account: str) -> str:
    """This browser's own number, if ``account`` (a user's key) has signed in from it before; else empty."""
    number, people = _read(request)
    return number if account in people else ""


def remember(request: HttpRequest, response: HttpResponse, account: str) -> None:
    """Notes that ``account`` has signed in from this browser."""
    number, people = _read(request)
    number = number or secrets.token_hex(12)
    told = [account, *(one for one in people if one != account)][:PEOPLE]
    response.set_cookie(
        COOKIE,
        _signer.sign(" ".join((number, *told))),
        max_age=DAYS * 24 * 3600,
        path=settings.URL_PREFIX,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    try:
        number, *people = _signer.unsign(request.COOKIES.get(COOKIE, ""), max_age=DAYS * 24 * 3600).split(" ")
    except BadSignature:
        return "", []
    return number, people
