"""How members of staff sign in: by user name or e-mail address, with a limit on wrong passwords."""

import logging
import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.forms import LoginForm
from allauth.account.views import LoginView
from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from project.accounts.known_browsers import known_browser, remember
from project.accounts.models import User
from project.accounts.profile import preferences_of, tell_zone
from project.accounts.second_factor import is_confined

logger = logging.getLogger(__name__)

# What the page that follows shows anyway.
_SEEN_ANYWAY = ("account/messages/logged_in.txt", "account/messages/logged_out.txt")
_WRONG = "The user name or the password isn’t right. Capital letters count in the password."


class SignInForm(LoginForm):  # type: ignore[misc]
    """allauth's form, with the field names that browsers and password managers know this page by."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        login = self.fields["login"]
        login.label = "User name or email"
        login.widget.attrs |= {"autocomplete": "username webauthn", "autocapitalize": "none", "autofocus": True}

    def add_prefix(self, field_name: str) -> str:
        return str(super().add_prefix("username" if field_name == "login" else field_name))


class SignInView(LoginView):  # type: ignore[misc]
    """The page to sign in at. As long as there is no account, it says how to make one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        told = {**super().get_context_data(**kwargs), "is_first": not User.objects.exists()}
        for provider in get_social_adapter().list_providers(self.request):
            onward = {"next": told["redirect_field_value"]} if told["redirect_field_value"] else {}
            told |= {"sso_name": provider.name, "sso_url": provider.get_login_url(self.request, **onward)}
        return told


class StaffAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by administrators. Guesses are counted for each account, however it is named."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _WRONG,
        "email_password_mismatch": _WRONG,
        "too_many_login_attempts": "Too many wrong passwords or codes. Wait five minutes, or sign in on a"
        " computer where you have signed in before.",
    }

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        if message_template not in _SEEN_ANYWAY:
            super().add_message(request, level, message_template, *args, **kwargs)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Raises ``ValidationError`` beyond the limit. allauth takes the usage back when the password is right."""
        account = _account(credentials)
        browser = known_browser(request, account)
        self._login_failed_rl_usage = ratelimit.consume(
            request,
            app="allauth.account",
            action="login_failed_known" if browser else "login_failed",
            key=f"{browser} {account}",
        )
        if not self._login_failed_rl_usage:
            logger.warning("a sign-in was refused after too many failures, from %s", self.get_client_ip(request))
            raise self.validation_error("too_many_login_attempts")

    def is_reauthentication_required(self, *, app: str) -> bool:
        """Whoever has just signed in needn't prove anew who they are, which a person without a password couldn't."""
        records = get_authentication_records(context.request, context.request.user)
        is_fresh = bool(records) and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT
        return not is_fresh and bool(super().is_reauthentication_required(app=app))

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """After a password reset, allauth begins to count anew under this key."""
        return f" {_account(credentials)}"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("profile")

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        remember(request, response, str(user.pk))
        is_confined(request)
        tell_zone(response, preferences_of(user))
        return response


def _account(credentials: dict[str, Any]) -> str:
    """Whose password is tried: a user's key, or what was typed when that names nobody."""
    named = User.objects.none()
    for field in ("username", "email"):
        if typed := credentials.get(field):
            named = named | User.objects.filter(**{f"{field}__iexact": typed})
    key = named.order_by("date_joined", "pk").values_list("pk", flat=True).first()
    return str(key or credentials.get("username") or credentials.get("email", "")).lower()
