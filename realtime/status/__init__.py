"""How things stand: what a worker last said, in words for pages and numbers for Prometheus.

Enters: the leader's heartbeat. Leaves: one true sentence about how fresh a page is; metrics.

- ``status_store.py``: kept in Redis. ``last_beat.py``: what this web process knows, from Redis or heard.
- ``connection_words.py``: the sentence. ``metrics.py``: the numbers.
"""
