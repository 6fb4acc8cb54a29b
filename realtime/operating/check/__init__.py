"""``manage.py supabase_check``: what the database and the Supabase project need, and how to mend what isn't so.

``database.py`` and ``realtime.py`` give the sections in their order, ``report.py`` is what a section is made of,
``catalog.py`` has the questions that several sections ask. The sections: ``server.py``, ``publication.py``,
``triggers.py``, ``closed_tables.py``, ``roles.py``; ``key.py`` and ``realtime.py``.
"""
