"""Supabase Realtime: one session with it, always kept open.

In: table names to subscribe to. Out: raw events, handed to a callback that may only enqueue; and suspicions that
something was missed.

- ``channel_manager.py``: subscriptions, reconnects (``backoff.py`` has the delays), the probe that must come back.
- ``channel_session.py``: the life of one connection. ``frame_tap.py``: catches what the client can't read.
- ``supabase_key.py``: which kind of key this is, and what it may do.
  ``worker_token.py``: the token that the worker reads with.
"""
