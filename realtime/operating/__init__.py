"""What operators ask for.

- ``views.py``: status, health and metrics over HTTP.
- ``past_events.py``: what ``manage.py realtime_events`` looks for, in the change log.
- ``check/``: ``manage.py supabase_check``, a file per section of its report. A new check belongs there.
"""
