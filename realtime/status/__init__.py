"""The status: what a worker last said, in words for pages and numbers for Prometheus.

In: the leader's heartbeat. Out: one true sentence about how fresh a page is; metrics.

- ``status_store.py``: the status in Redis. ``last_beat.py``: what this web process knows, from Redis or from the hub.
- ``connection_words.py``: the sentence beside the dot. ``metrics.py``: the numbers.
"""
