"""The one row that the worker writes to see it come back through Supabase."""

from uuid import UUID

from django.db import transaction

from realtime.database.change_log import wait_for_no_standby
from realtime.models import RealtimeProbe

PROBE_ID = UUID(int=0)


def write_probe(nonce: str) -> None:
    """Raises the database's errors."""
    with transaction.atomic():
        wait_for_no_standby("local")
        RealtimeProbe.objects.update_or_create(id=PROBE_ID, defaults={"nonce": nonce})
