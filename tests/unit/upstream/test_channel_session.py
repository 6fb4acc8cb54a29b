"""What supabase's client raises ends a session, never a worker."""

import asyncio
from types import SimpleNamespace

import pytest

from realtime.upstream.channel_session import RealtimeSession, SessionError


def test_a_token_that_cannot_be_renewed_ends_the_session() -> None:
    async def set_auth(token: str) -> None:
        raise RuntimeError("dictionary changed size during iteration")

    async def renew() -> None:
        session = RealtimeSession("http://127.0.0.1:1", "key", 1, lambda: "token", on_gap=lambda gap: None)
        session._client = SimpleNamespace(realtime=SimpleNamespace(set_auth=set_auth))  # type: ignore[assignment]
        await session.refresh_token()

    with pytest.raises(SessionError, match=r"couldn't be renewed \(RuntimeError\)"):
        asyncio.run(renew())
