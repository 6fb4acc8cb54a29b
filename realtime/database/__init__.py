"""In PostgreSQL: what makes a change known, and how the rest of the engine reads and writes there.

Enters: a committed change, by anybody. Leaves: the row's revision, its entry in the change log, a ring of the doorbell.

- ``schema.py``: the migration operations, ``LiveTable`` above all. They stand on ``engine_sql.py`` (change log, trigger
  functions), ``triggers.py``, ``roles.py`` and ``closed_tables.py`` (what Supabase's API must not reach).
- ``change_log.py``: reads the log, by revision and from a position on (the watermark). ``log_guard.py``: whether the
  log is told of everything. ``actor.py``: who writes. ``tables.py``: which tables are followed.
- ``doorbell.py``: hears a commit at once. ``probe.py``: the row that proves the way through Supabase.
- ``thread.py``: one connection on its own thread, for asyncio. ``session.py``: a session that must be noticed when it
  breaks. ``pool.py``: the connections that requests share. ``refusals.py``: why the database refuses, in a sentence.
  ``values.py``: values that no form would have let pass. ``fold.py``: search without case and accents.
"""
