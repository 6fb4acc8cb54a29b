"""``manage.py supabase_check``: what the database and the Supabase project need, and how to mend what is wrong.

A check goes into its section's file. A new section gets a file, and its place in the order of ``database.py`` or
``realtime.py``.

- The database's sections: ``server.py``, ``publication.py``, ``triggers.py``, ``closed_tables.py``, ``roles.py``.
- Supabase Realtime's: ``key.py``, and those that ``realtime.py`` has itself.
- ``report.py``: what a section is made of. ``catalog.py``: queries that several sections share.
"""
