"""Reads settings from the environment; one sentence names a bad or missing value."""

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

# libpq's own limits, so that nobody waits forever for a server that is away or a cable that was pulled. Times are in
# seconds, the last one in milliseconds.
PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}

# A table or view, with a schema or without, and two of its columns.
PEOPLE = re.compile(r"\s*((?:\w+\.)?\w+)\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)\s*")

# No underscores: names of cookies are made from it, where they stand for the slashes.
PREFIX = re.compile(r"/([a-z0-9-]+/)*")

TRUE_WORDS = ("1", "true", "yes", "on")
FALSE_WORDS = ("0", "false", "no", "off", "")


class Environment:
    """Typed access to environment variables.

    Every method raises ``ImproperlyConfigured`` with a sentence that names the variable, what it holds (never
    for secrets) and what is valid.
    """

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = os.environ if values is None else values

    def text(self, name: str, default: str | None = None) -> str:
        value = self._values.get(name, "")
        if value:
            return value
        if default is None:
            raise ImproperlyConfigured(f"{name} is not set. See .env.example for what it means.")
        return default

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._values.get(name)
        if value is None:
            return default
        if value.lower() in TRUE_WORDS:
            return True
        if value.lower() in FALSE_WORDS:
            return False
        raise ImproperlyConfigured(f"{name} is '{value}'; it takes one of 1, true, yes, on, 0, false, no, off.")

    def number(self, name: str, default: float, minimum: float = 0, maximum: float = 1e9) -> float:
        value = self._values.get(name)
        if value is None or value == "":
            return default
        try:
            number = float(value)
        except ValueError:
            raise ImproperlyConfigured(f"{name} is '{value}'; it takes a number.") from None
        # Written this way round so that "nan" is refused too.
        if not minimum <= number <= maximum:
            raise ImproperlyConfigured(f"{name} is {value}; it takes {minimum:g} to {maximum:,.0f}.")
        return number

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """One of some words; the first where it isn't set."""
        value = self._values.get(name) or choices[0]
        if value not in choices:
            raise ImproperlyConfigured(f"{name} is '{value}'; it takes {' or '.join(choices)}.")
        return value

    def words(self, name: str, default: tuple[str, ...] = ()) -> list[str]:
        value = self._values.get(name, "")
        return [word.strip() for word in value.split(",") if word.strip()] or list(default)

    def url(self, name: str, schemes: tuple[str, ...]) -> str:
        value = self.text(name)
        parts = urlsplit(value)
        if parts.scheme not in schemes or not parts.hostname:
            expected = " or ".join(f"{scheme}://host" for scheme in schemes)
            raise ImproperlyConfigured(f"{name} is not a usable address: it should look like {expected}….")
        return value

    def openid(self) -> dict[str, Any] | None:
        """allauth's settings for a provider of OpenID Connect, or None when none of its variables is set."""
        names = ("OIDC_SERVER_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
        missing = [name for name in names if not self._values.get(name)]
        if len(missing) == len(names):
            return None
        if missing:
            raise ImproperlyConfigured(f"{' and '.join(missing)} is not set: OpenID Connect needs {', '.join(names)}.")
        return {
            "provider_id": "oidc",
            "name": self.text("OIDC_NAME", "single sign-on"),
            "client_id": self.text("OIDC_CLIENT_ID"),
            "secret": self.text("OIDC_CLIENT_SECRET"),
            "settings": {"server_url": self.url("OIDC_SERVER_URL", ("http", "https")), "oauth_pkce_enabled": True},
        }

    def mail(self, name: str) -> dict[str, Any]:
        """Django's settings for a mail server (``smtp``: STARTTLS, ``smtps``: TLS) or ``console:``; none if not set."""
        value = self._values.get(name, "")
        if not value:
            return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
        if value == "console:":
            return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
        self.url(name, ("smtp", "smtps"))
        parts = urlsplit(value)
        is_tls = parts.scheme == "smtps"
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": parts.hostname,
            "EMAIL_PORT": parts.port or (465 if is_tls else 587),
            "EMAIL_HOST_USER": unquote(parts.username or ""),
            "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
            "EMAIL_USE_SSL": is_tls,
            # A mail server on this machine has no certificate, and nobody listens in between.
            "EMAIL_USE_TLS": not is_tls and parts.hostname not in ("localhost", "127.0.0.1", "::1"),
            "EMAIL_TIMEOUT": 10,
        }

    def prefix(self, name: str) -> str:
        """The path below a host's name that everything stands under: it begins and ends with a slash."""
        value = self._values.get(name) or "/"
        if not PREFIX.fullmatch(value):
            raise ImproperlyConfigured(
                f"{name} is '{value}'; it takes / or a path such as /portal/, which begins and ends with a slash and"
                " has small letters, digits and hyphens between slashes."
            )
        return value

    def address(self, name: str) -> str:
        """``host:port``, or an empty string when it isn't set."""
        value = self._values.get(name, "")
        host, _, port = value.rpartition(":")
        if value and not (host and port.isdigit() and 0 < int(port) < 65536):
            raise ImproperlyConfigured(f"{name} is '{value}'; it takes host:port, as in 127.0.0.1:9108.")
        return value

    def people(self, name: str) -> tuple[str, str, str] | None:
        """``table(key, name)``: where an app keeps its people. The parts, or None when it isn't set."""
        value = self._values.get(name, "")
        told = PEOPLE.fullmatch(value)
        if value and told is None:
            raise ImproperlyConfigured(
                f"{name} is '{value}'; it takes a table or view with its columns, as in profiles(id, full_name)."
            )
        return (told[1], told[2], told[3]) if told else None

    def database(self, name: str) -> dict[str, Any]:
        """A PostgreSQL address as Django's database settings; query parameters go to libpq (sslmode=require …)."""
        parts = urlsplit(self.url(name, ("postgres", "postgresql")))
        database = unquote(parts.path.lstrip("/"))
        if not database:
            raise ImproperlyConfigured(f"{name} names no database: it should end in /name.")
        options = PATIENCE | {key: values[-1] for key, values in parse_qs(parts.query).items()}
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database,
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname,
            "PORT": str(parts.port or ""),
            "OPTIONS": options,
        }
