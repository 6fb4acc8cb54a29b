"""The portal's own settings, but a password is hashed at once: Django's own hash takes half a second of a core."""

from project.settings import *  # noqa: F403
from project.settings import ACCOUNT_RATE_LIMITS

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    # By name, where a test is about its slowness.
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# All tests sign in from one address.
ACCOUNT_RATE_LIMITS = ACCOUNT_RATE_LIMITS | {"login": "100000/m/ip"}
