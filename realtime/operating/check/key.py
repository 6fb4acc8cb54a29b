"""What the Supabase key is for, as far as the key itself says."""

import time
from datetime import UTC, datetime

from django.conf import settings

from realtime.operating.check.report import Section
from realtime.upstream.supabase_key import PUBLIC_ROLES, read_key

NEEDS_SERVICE_KEY = "set SUPABASE_KEY to the project's service_role key (or its secret key)"


NEEDS_READER = f"set SUPABASE_JWT_SECRET, so that the worker reads as {{role}}; or {NEEDS_SERVICE_KEY}"


def check_key() -> Section:
    section = Section("The key")
    key, reader = read_key(settings.SUPABASE_KEY), settings.SUPABASE_REALTIME_ROLE
    if key.problem:
        section.wrong(f"SUPABASE_KEY {key.problem}", NEEDS_SERVICE_KEY)
    elif key.expires is not None and key.expires <= time.time():
        expired = datetime.fromtimestamp(key.expires, UTC)
        section.wrong(f"SUPABASE_KEY expired on {expired:%Y-%m-%d}", NEEDS_SERVICE_KEY)
    elif settings.SUPABASE_JWT_SECRET:
        section.require(True, f"SUPABASE_KEY is for {key.role}, and the worker reads as {reader}", "", "")
    else:
        section.require(
            key.role not in PUBLIC_ROLES,
            f"SUPABASE_KEY is for {key.role}, and the worker reads as that",
            f"SUPABASE_KEY is for {key.role}, a role of browsers that may read none of our tables",
            NEEDS_READER.format(role=reader),
        )
    return section
