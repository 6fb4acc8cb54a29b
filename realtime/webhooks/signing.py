"""Secrets and signatures of webhooks, in the form of Standard Webhooks (https://www.standardwebhooks.com/).

A secret is shown once, when it is made. The database has it encrypted under Django's ``SECRET_KEY``, so that a copy of
the database alone lets nobody sign.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils import timezone
from django.utils.encoding import force_bytes

from realtime.models import Webhook

PREFIX = "whsec_"
SECRET_BYTES = 32
# How long the secret before the last one signs as well.
ROTATION = timedelta(hours=24)


class SecretLost(Exception):
    """No key of this installation decrypts a stored secret: ``SECRET_KEY`` was changed without a fallback."""


def new_secret(webhook: Webhook) -> str:
    """Gives a webhook another secret, and returns it as the receiver needs it. The caller saves the webhook."""
    secret = PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    if webhook.secret:
        webhook.old_secret, webhook.old_secret_until = webhook.secret, timezone.now() + ROTATION
    webhook.secret = _cipher().encrypt(secret.encode()).decode()
    return secret


def valid_secrets(webhook: Webhook) -> list[str]:
    """Those that sign at this moment, the newest first. Raises ``SecretLost``."""
    kept = [webhook.secret]
    if webhook.old_secret and webhook.old_secret_until and webhook.old_secret_until > timezone.now():
        kept.append(webhook.old_secret)
    try:
        return [_cipher().decrypt(secret).decode() for secret in kept]
    except InvalidToken:
        raise SecretLost from None


def message_name(message: UUID) -> str:
    """What a receiver knows a delivery by, in ``webhook-id``."""
    return f"msg_{message.hex}"


def signed_headers(secrets: list[str], message: str, at: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent ``body``; ``at`` is the time of this attempt, in seconds since 1970."""
    signatures = " ".join(signature(secret, message, at, body) for secret in secrets)
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": signatures}


def signature(secret: str, message: str, at: int, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{message}.{at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str | bytes) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"livedesk webhook secrets " + force_bytes(secret)).digest())
