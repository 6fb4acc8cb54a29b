"""The token our worker reads Realtime with: short-lived, for a role that may read the live tables and nothing else."""

import time
import warnings
from collections.abc import Callable

import jwt
from django.conf import settings
from jwt.warnings import InsecureKeyLengthWarning

TOKEN_SECONDS = 3_600

# Of a short secret PyJWT warns with every token, but it is the project that chose it.
warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)


def worker_token() -> Callable[[], str] | None:
    """A maker of tokens, or None without SUPABASE_JWT_SECRET: then the key's own role reads."""
    if not settings.SUPABASE_JWT_SECRET:
        return None

    def make() -> str:
        claims = {"role": settings.SUPABASE_REALTIME_ROLE, "exp": int(time.time()) + TOKEN_SECONDS}
        return jwt.encode(claims, settings.SUPABASE_JWT_SECRET, algorithm="HS256")

    return make
