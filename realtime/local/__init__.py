"""What stands in for Supabase and Redis on one machine.

``stack.py`` starts all of it: ``postgres.py``, ``redis.py`` and the Realtime server in ``realtime_server/``.
``process.py`` runs services, ``supabase.py`` makes a database look like a project's, ``keys.py`` signs its keys,
``remembered.py`` keeps secrets, ``faults_client.py`` works the Realtime server's fault switches.
"""
