"""What operators ask for.

- ``views.py``: status, health and metrics over HTTP.
- ``check/``: ``manage.py supabase_check``, a file per section of its report. A new check belongs there.
"""
