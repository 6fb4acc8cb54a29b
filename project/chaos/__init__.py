"""`bin/chaos`, the fault suite: it runs its own portal, breaks everything that can break at random, then judges.

``site.py`` is the portal (PostgreSQL, Redis, Realtime, two workers, two web processes) with a ``proxy.py`` on each hop;
``worker.py`` is the real worker, recording what its handlers hear; ``writers.py`` change all live tables, ``sender.py``
writes through the portal as an outbox does; ``crowd.py`` and ``browsers.py`` watch, ``typist.py`` types, ``hoppers.py``
come and go. ``faults.py`` and ``schema_faults.py`` hold the table of faults (``fault.py`` is one) and ``storm.py``
draws from it; ``chaos.py`` runs the rounds, ``verdict.py`` judges each and ``report.py`` prints.
"""
