"""Whether the publication holds what Realtime follows, and nothing else."""

from django.conf import settings

from realtime.operating.check.catalog import followed_tables, our_tables, rows
from realtime.operating.check.report import Section


def check_publication() -> Section:
    name = settings.SUPABASE_PUBLICATION
    section = Section(f"Publication {name}")
    wanted = followed_tables()
    found = rows("select puballtables, pubinsert, pubupdate, pubdelete from pg_publication where pubname = %s", name)
    if not found:
        section.wrong("there is no such publication", f"create publication {name} for table {', '.join(wanted)};")
        return section
    everything, *verbs = found[0]
    section.require(
        all(verbs),
        "it publishes inserts, updates and deletes",
        "it leaves out inserts, updates or deletes",
        f"alter publication {name} set (publish = 'insert, update, delete, truncate');",
    )
    published = _published(name)
    for table in wanted:
        add = f"alter publication {name} add table {table};"
        renew = f"alter publication {name} drop table {table}; {add}"
        if table not in published:
            section.wrong(f"'{table}' is not published", add)
        elif published[table]:
            section.wrong(f"'{table}' is published in part only", renew)
    section.everything(f"it holds {', '.join(wanted)}, whole")
    # A subscriber learns the keys of a table's deleted rows, policies or not; a session's key is its secret.
    others = [table for table in our_tables() if table in published and table not in wanted]
    for table in others if not everything else ():
        section.wrong(f"'{table}' is published", f"alter publication {name} drop table {table};")
    if everything:
        section.wrong(
            "it is for all tables, those of users and sessions too",
            f"drop publication {name}; create publication {name} for table {', '.join(wanted)};",
        )
    return section


def _published(publication: str) -> dict[str, bool]:
    """A publication's tables, each with whether a row filter or a column list leaves something out."""
    return dict(
        rows(
            "select tablename, rowfilter is not null or cardinality(attnames) < ("
            "   select count(*) from pg_attribute where attrelid = format('%%I.%%I', schemaname, tablename)::regclass"
            "   and attnum > 0 and not attisdropped and attgenerated = '')"
            " from pg_publication_tables where pubname = %s and schemaname = current_schema()",
            publication,
        )
    )
