"""The token our worker reads Realtime with: short-lived, for a role that may read the live tables and nothing else."""

import time
import warnings
from collections.abc import Callable

import jwt
from django.conf import settings
from jwt.warnings import InsecureKeyLengthWarning

TOKEN_SECONDS = 3_600

# PyJWT warns about a short secret with every token, but the project chose the secret.
warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)


def worker_token() -> Callable[[], str] | None:
    """A maker of tokens, or None without SUPABASE_JWT_SECRET: then the worker reads as the key's own role."""
    if not settings.SUPABASE_JWT_SECRET:
        return None

    def make() -> str:
        claims = {"role": settings.SUPABASE_REALTIME_ROLE, "exp": int(time.time()) + TOKEN_SECONDS}
        return jwt.encode(claims, settings.SUPABASE_JWT_SECRET, algorithm="HS256")

    return make
