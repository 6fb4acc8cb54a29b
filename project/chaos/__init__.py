"""`bin/chaos`, the fault suite: a portal of its own, everything that can break broken at random, then the verdict.

``site.py`` is the portal (PostgreSQL, Redis, Realtime, two workers, two web processes) with a ``proxy.py`` on each hop;
``worker.py`` is the real worker, recording what its handlers hear; ``writers.py`` change all seven tables; ``crowd.py``
and ``browsers.py`` look on, ``typist.py`` types. ``faults.py`` and ``schema_faults.py`` have the table of faults
(``fault.py`` is one) and ``storm.py`` deals from it; ``chaos.py`` runs the rounds, ``verdict.py`` judges each and
``report.py`` prints.
"""
