"""What an API key of Supabase says of itself. Pure; whether it is genuine, only the project can tell."""

from dataclasses import dataclass
from typing import Any

import jwt

# The newer keys are opaque; Supabase's gateway turns them into tokens for these roles.
OPAQUE_ROLES = {"sb_publishable_": "anon", "sb_secret_": "service_role"}
# Roles of somebody's browser: row level security shows them nothing of ours.
PUBLIC_ROLES = ("anon", "authenticated")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``role`` is empty, and ``problem`` says why, when the text is no key; ``expires`` is None when it isn't told."""

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
