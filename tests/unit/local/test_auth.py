"""Tokens and the three wordings of each refusal."""

import jwt
import pytest

from realtime.local.keys import make_jwt
from realtime.local.realtime_server.auth import Fault, TokenError, verify

SECRET = "unit-test-secret-of-more-than-32-bytes"
OTHER = "another-secret-of-more-than-32-bytes!!"


def refusal(token: str, now: float | None = None) -> TokenError:
    with pytest.raises(TokenError) as error:
        verify(token, SECRET, now)
    return error.value


def test_a_good_token_grants_its_role_and_claims() -> None:
    token = verify(make_jwt(SECRET, "authenticated", 60, sub="alice", aud="authenticated"), SECRET)
    assert token.role == "authenticated"
    assert token.claims["sub"] == "alice"
    assert token.claims["exp"] == token.expires


@pytest.mark.parametrize("ago", [0, 60])
def test_expired(ago: int) -> None:
    made = make_jwt(SECRET, "anon", 1000)
    error = refusal(made, verify(made, SECRET).expires + ago + 0.5)
    assert error.handshake == "Token has expired"
    assert error.refresh in (f"Token has expired {ago} seconds ago", f"Token has expired {ago - 1} seconds ago")
    assert error.join == f"InvalidJWTToken: {error.refresh}"


def test_another_secret() -> None:
    error = refusal(make_jwt(OTHER, "anon"))
    assert error.handshake == "Failed to validate JWT signature"
    assert error.refresh == ":signature_error"
    assert error.join == "JwtSignatureError: Failed to validate JWT signature"


@pytest.mark.parametrize("token", ["garbage", "", "a.b.c", "sb_publishable_x", "é"])
def test_malformed(token: str) -> None:
    error = refusal(token)
    assert error.fault is Fault.MALFORMED
    assert error.join == "MalformedJWT: The token provided is not a valid JWT"


@pytest.mark.parametrize("claims", [{"role": None}, {"exp": "soon"}, {"exp": None}, {"exp": True}])
def test_role_and_exp_are_required(claims: dict[str, object]) -> None:
    token = jwt.encode({"role": "anon", "exp": 2**31, **claims}, SECRET, algorithm="HS256")
    assert refusal(token).handshake == "Fields `role` and `exp` are required in JWT"


def test_an_unsigned_token_is_refused() -> None:
    assert refusal(jwt.encode({"role": "service_role", "exp": 2**31}, "", algorithm="none"))
