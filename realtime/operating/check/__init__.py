"""``manage.py supabase_check``: what the database and the Supabase project need, and how to mend what is wrong.

``database.py`` and ``realtime.py`` give the sections in their order, ``report.py`` is what a section is made of,
``catalog.py`` has the queries that several sections share. The sections: ``server.py``, ``publication.py``,
``triggers.py``, ``closed_tables.py``, ``roles.py``; ``key.py`` and ``realtime.py``.
"""
