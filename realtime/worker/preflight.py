"""What the worker requires of the database before it starts."""

from django.db import connection

from realtime.database.log_guard import standings


class ConfigurationError(Exception):
    """Something only an operator can mend; the text is the sentence to show."""


def check_database(tables: tuple[str, ...], related: tuple[str, ...] = ()) -> None:
    """Raises ``ConfigurationError`` when tables or triggers are missing, and the database's own errors.

    Triggers that are only switched off don't prevent a start: the worker then says so, and reads by state.
    """
    with connection.cursor() as cursor:
        for table in ("realtime_change", "realtime_probe", *tables):
            cursor.execute("select to_regclass(%s) is not null", [table])
            if not cursor.fetchone()[0]:
                raise ConfigurationError(f"the database has no table '{table}': run manage.py migrate")
    for table, standing in standings(tables, related).items():
        if standing.missing:
            names = ", ".join(sorted(standing.missing))
            # `migrate` wouldn't help: it doesn't apply a migration twice.
            remedy = "manage.py supabase_check says how to mend it"
            raise ConfigurationError(f"table '{table}' lacks the trigger(s) {names}: {remedy}")
