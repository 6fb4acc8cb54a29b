"""PostgreSQL: what makes a change known, and how the rest of the engine reads and writes there.

In: a change committed by anybody. Out: the row's revision, its entry in the change log, a ring of the doorbell.

- ``schema.py``: the migration operations, mainly ``LiveTable``. They build on ``triggers.py`` (the triggers of a live
  table), ``engine_sql.py`` (the functions these call, and the change log), ``roles.py`` (who may read what) and
  ``closed_tables.py`` (what Supabase's API must not reach).
- ``change_log.py``: reads the log, by revision or from a position (the watermark), and says whether a position still
  means anything. ``log_guard.py``: whether every change reaches the log. ``put_back.py``: puts rows back as the log has
  them. ``actor.py``: who writes. ``tables.py``: which tables are followed. ``adopted.py``: which of them are an app's
  own, ``app_people.py``: what it calls its people. ``columns.py``: what columns are in this database,
  ``event_loop.py`` reads that for whom must not wait. ``words.py``:
  the words of a column of fixed choices, ``word_field.py`` such a column in a model, and
  ``word_upkeep.py`` what keeps up with the database's.
  ``number_fields.py``: amounts that are read alike, whatever type their column has.
- ``doorbell.py``: hears a commit at once. ``probe.py``: the row that proves the path through
  Supabase.
- ``thread.py``: one connection on its own thread, for asyncio. ``session.py``: a session whose loss must be noticed.
  ``pool.py``: the connections that requests share. ``refusals.py``: why the database refuses, in a sentence.
  ``values.py``: values that no form would have accepted. ``fold.py``: search that ignores case and accents.
  ``list_indexes.py``: what lists are sorted and searched by.
"""
