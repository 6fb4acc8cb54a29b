"""Tokens: HS256, `role` and `exp` required. The same fault is worded differently in each of the three places."""

import time
from dataclasses import dataclass
from enum import Enum
from typing import Any

import jwt

SB_KEY_PREFIX = "sb_"


class Fault(Enum):
    MALFORMED = "The token provided is not a valid JWT"
    SIGNATURE = "Failed to validate JWT signature"
    CLAIMS = "Fields `role` and `exp` are required in JWT"
    EXPIRED = "Token has expired"


class TokenError(Exception):
    """Why a token is refused, in the words of the handshake, a join and a refresh (records auth-*)."""

    def __init__(self, fault: Fault, seconds_ago: int = 0) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.handshake = fault.value
        said = f"{fault.value} {seconds_ago} seconds ago" if fault is Fault.EXPIRED else fault.value
        self.refresh = ":signature_error" if fault is Fault.SIGNATURE else said
        self.join = f"{_JOIN_CODES[fault]}: {said}"


_JOIN_CODES = {
    Fault.MALFORMED: "MalformedJWT",
    Fault.SIGNATURE: "JwtSignatureError",
    Fault.CLAIMS: "InvalidJWTToken",
    Fault.EXPIRED: "InvalidJWTToken",
}


@dataclass(frozen=True, slots=True)
class Token:
    role: str
    expires: int
    claims: dict[str, Any]


def verify(text: str, secret: str, now: float | None = None) -> Token:
    """Return what the token grants; raise TokenError."""
    try:
        claims = jwt.decode(text, secret, algorithms=["HS256"], options=_ONLY_SIGNATURE)
    except jwt.InvalidSignatureError as error:
        raise TokenError(Fault.SIGNATURE) from error
    except jwt.InvalidAlgorithmError as error:
        raise TokenError(Fault.SIGNATURE) from error
    except jwt.PyJWTError as error:
        raise TokenError(Fault.MALFORMED) from error
    role, expires = claims.get("role"), claims.get("exp")
    if not isinstance(role, str) or isinstance(expires, bool) or not isinstance(expires, int):
        raise TokenError(Fault.CLAIMS)
    age = (time.time() if now is None else now) - expires
    if age >= 0:
        raise TokenError(Fault.EXPIRED, int(age))
    return Token(role, expires, claims)


# Expiry and required claims are checked here, in the real server's order and words.
_ONLY_SIGNATURE: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
