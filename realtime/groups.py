"""The channel-layer groups through which workers reach web processes: one per table, and one for the status."""

STATUS_GROUP = "realtime.status"


def table_group(table: str) -> str:
    return f"realtime.{table}"
