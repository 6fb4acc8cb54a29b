"""What a Supabase API key says about itself. Pure; only the project can tell whether it is genuine."""

from dataclasses import dataclass
from typing import Any

import jwt

# The newer keys are opaque; Supabase's gateway turns them into tokens for these roles.
OPAQUE_ROLES = {"sb_publishable_": "anon", "sb_secret_": "service_role"}
# Browsers' roles: row level security shows them none of our rows.
PUBLIC_ROLES = ("anon", "authenticated")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """If the text is no key, ``role`` is empty and ``problem`` says why. ``expires`` is None if the key doesn't say."""

    role: str = ""
    expires: int | None = None
    problem: str = ""


def read_key(text: str) -> ApiKey:
    for prefix, opaque_role in OPAQUE_ROLES.items():
        if text.startswith(prefix):
            return ApiKey(opaque_role)
    try:
        claims: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
    except jwt.PyJWTError:
        return ApiKey(problem="is neither a JSON Web Token nor an sb_… key")
    role, expires = claims.get("role"), claims.get("exp")
    if not isinstance(role, str) or not role or not isinstance(expires, int):
        return ApiKey(problem="lacks the claims role and exp")
    return ApiKey(role, expires)
