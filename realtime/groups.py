"""The channel layer's groups: through one per table and one for the status, workers reach the web processes; through
the last, web processes tell each other who is where.
"""

STATUS_GROUP = "realtime.status"
PRESENCE_GROUP = "realtime.presence"


def table_group(table: str) -> str:
    return f"realtime.{table}"
