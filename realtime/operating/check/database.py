"""The database's part of ``manage.py supabase_check``: every section, in the order in which to mend them.

Reads PostgreSQL's catalogs and changes nothing. Each section has a file of its own.
"""

from collections.abc import Iterator

from django.db import DatabaseError, OperationalError

from realtime.database.refusals import first_line
from realtime.operating.check.closed_tables import check_closed_tables
from realtime.operating.check.publication import check_publication
from realtime.operating.check.report import Section
from realtime.operating.check.roles import check_roles
from realtime.operating.check.server import check_migrations, check_server
from realtime.operating.check.triggers import (
    check_doorbell,
    check_live_tables,
    check_personal_tables,
    check_related_tables,
    check_trigger_functions,
)


def check_database() -> Iterator[Section]:
    """Every section of the database's part, ordered so that the first ✗ is the one to mend first."""
    for check in (
        check_server,
        check_migrations,
        check_publication,
        check_live_tables,
        check_related_tables,
        check_personal_tables,
        check_doorbell,
        check_trigger_functions,
        check_closed_tables,
        check_roles,
    ):
        try:
            yield check()
        except OperationalError as error:
            section = Section("The database")
            section.wrong(f"it can't be reached: {first_line(error)}", "check DATABASE_URL, and that the server runs")
            yield section
            return
        except DatabaseError as error:
            section = Section(check.__name__.removeprefix("check_").replace("_", " ").capitalize())
            section.wrong(f"it can't be read: {first_line(error)}", "connect as the role that owns our tables")
            yield section
