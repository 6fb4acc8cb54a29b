"""API keys as Supabase makes them: JSON Web Tokens signed with the project's secret (HS256)."""

import time
from typing import Any

import jwt

TEN_YEARS = 10 * 365 * 24 * 3600.0


def make_jwt(secret: str, role: str, expires_in: float = TEN_YEARS, **claims: Any) -> str:
    """Return a token for `role`; further claims (`sub`, `email`) are what policies read through auth.jwt().

    A negative `expires_in` makes a token that has expired already.
    """
    now = int(time.time())
    payload = {"iss": "supabase-local", "role": role, "iat": now, "exp": int(now + expires_in), **claims}
    return jwt.encode(payload, secret, algorithm="HS256")
