"""Signing in through a provider of OpenID Connect.

The provider vouches for an e-mail address. Whose account has it, is signed in; the first time, the provider's own name
for the person is linked with the account, and from then on that counts.
"""

import logging
from collections.abc import Callable
from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.openid_connect import views
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from requests.exceptions import RequestException

from project.accounts.models import User

logger = logging.getLogger(__name__)


def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    return _answered(views.login, request, provider_id)


def come_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    return _answered(views.callback, request, provider_id)


def _answered(view: Callable[[HttpRequest, str], HttpResponse], request: HttpRequest, provider: str) -> HttpResponse:
    """The view's answer; when the provider is away, a page that says so."""
    try:
        return view(request, provider)
    except RequestException as error:
        logger.error("the OpenID Connect provider doesn't answer: %s", type(error).__name__)
        return render(request, "socialaccount/authentication_error.html", status=502)


class StaffSocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Lets in who has an account here; makes one only if ``OIDC_MAKES_ACCOUNTS`` says so."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        if sociallogin.is_existing:
            return
        # An address that two accounts share says nothing about which is meant.
        found = list(_having(_verified(sociallogin))[:2])
        if len(found) == 1 and found[0].is_active:
            sociallogin.connect(request, found[0])

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: Any) -> str:
        return reverse("profile")

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        verified = _verified(sociallogin)
        return settings.OIDC_MAKES_ACCOUNTS and bool(verified) and not _having(verified).exists()

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True


def _verified(sociallogin: Any) -> list[str]:
    return [address.email.lower() for address in sociallogin.email_addresses if address.verified]


def _having(addresses: list[str]) -> Any:
    """Accounts with one of these addresses."""
    found = User.objects.none()
    for address in addresses:
        found = found | User.objects.filter(email__iexact=address)
    return found
