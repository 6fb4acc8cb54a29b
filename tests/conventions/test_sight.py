"""Whatever people are shown goes through ``realtime/sight.py``; whoever could evade it is named here, and why."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import ForeignKey, Max

from realtime.models import LiveModel, SeenRows
from realtime.sight import Sight, seeing

ROOT = Path(__file__).parents[2]
SHOWING = (
    "realtime/live",
    "realtime/pages",
    "realtime/hub",
    "realtime/templatetags",
    "crm",
    "ticketing",
    "project/accounts",
)
# A manager without the condition.
PAST_THE_MANAGER = {
    "project/accounts/seen.py": "counts all rows beside those that a person sees, for whoever gave the rights",
    "realtime/pages/bulk_running.py": "only whether a row is there that was seen when the bulk began",
    "realtime/pages/undo_plan.py": "an undo must not delete what hidden rows hang on; it calls them “another record”",
}
# Tables that are read by SQL of our own.
BY_SQL = {
    "ticketing/notifying.py": "runs in the worker; who is blind to a ticket is asked afterwards (blind_to)",
    "ticketing/merges.py": "locks the end of a chain of merges; actions._place asks whether it may be seen",
    "ticketing/scopes.py": "says what is seen",
}
# The change log, which has the rows of everybody.
OF_THE_LOG = {
    "realtime/live/membership.py": "compares changed rows with the queries of views",
    "realtime/live/accounts.py": "of rows that a view shows",
    "realtime/live/past.py": "of a row that was found by its manager",
    "realtime/live/people.py": "the creator of a row that was found by its manager",
    "realtime/live/activity.py": "visible_entries",
    "realtime/live/log_pages.py": "visible_entries",
    "realtime/pages/bulk.py": "which rows an action changed; undo_plan.py leaves out what may not be seen",
    "realtime/pages/bulk_running.py": "which of them it changed together",
    "realtime/pages/said.py": "only whether an action has entries",
    "realtime/pages/undo.py": "undo_plan.py leaves out what may not be seen",
    "realtime/pages/undo_plan.py": "of rows that may be seen",
    "realtime/pages/writes.py": "only the number of what a request has written itself",
    "ticketing/files.py": "the worker's errand: which files are still wanted",
    "ticketing/live/changes.py": "hidden_keys, visible_keys",
    "ticketing/live/figures.py": "visible_entries",
    "ticketing/merges.py": "of a ticket that was found by its manager",
    "ticketing/notifying.py": "runs in the worker",
}
# Those that tell of no column that can be hidden; the others leave hidden columns out by themselves.
OF_NO_HIDDEN_COLUMN = {
    "realtime/live/log_pages.py": "history.py tells the fields of its entries, by Tracked.fields",
    "realtime/live/membership.py": "the query of a view has NULL for them",
    "realtime/live/people.py": "who created a row",
    "realtime/pages/bulk.py": "which rows an action changed",
    "realtime/pages/bulk_running.py": "which entries are of one transaction",
    "realtime/pages/said.py": "whether there are entries",
    "realtime/pages/undo.py": "undo_plan.py leaves them out",
    "realtime/pages/writes.py": "which revision a write led to",
    "ticketing/files.py": "where files are",
    "ticketing/live/figures.py": "the status",
    "ticketing/merges.py": "what was merged into what",
    "ticketing/notifying.py": "runs in the worker",
}
# What a list has, hidden or not.
LISTED = {
    "realtime/live/filters.py": "says which are seen",
    "realtime/live/lists.py": "says which are seen",
    "realtime/pages/list_head.py": "what a refused filter is called",
}
# Relations through which a row shows another one that it doesn't hang on: read by a manager, never joined.
NOT_HUNG_ON = {"Ticket.merged_into", "Comment.merged_from", "Attachment.merged_from"}
# Which is always seen: nothing limits products. And a comment hangs on the same ticket as its files.
ALWAYS_SEEN = {"Acquisition.product", "Attachment.comment"}


def sources() -> list[tuple[str, str]]:
    paths = [path for folder in SHOWING for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]
    return [(str(path.relative_to(ROOT)), path.read_text()) for path in sorted(paths)]


def live_models() -> list[type[LiveModel]]:
    return [model for model in apps.get_models() if issubclass(model, LiveModel)]


@pytest.mark.parametrize("model", live_models(), ids=lambda model: model.__name__)
def test_every_live_model_asks_what_may_be_seen(model: type[LiveModel]) -> None:
    for manager in model._meta.managers:
        assert isinstance(manager, SeenRows), f"{model.__name__}.{manager.name} goes past SeenRows"
    for field in model._meta.concrete_fields:
        if isinstance(field, ForeignKey) and issubclass(field.related_model, LiveModel):
            name = f"{model.__name__}.{field.name}"
            told = field.name in model.hangs_on, name in NOT_HUNG_ON, name in ALWAYS_SEEN
            assert sum(told) == 1, f"say of {name} whether its rows hang on it (hangs_on)"


def test_nobody_goes_past_the_manager() -> None:
    found = {path for path, text in sources() if re.search(r"_base_manager|\bSeenRows\b|QuerySet\(", text)}
    assert found == set(PAST_THE_MANAGER)


def test_nobody_reads_live_tables_by_sql_unasked() -> None:
    tables = "|".join(model._meta.db_table for model in live_models())
    reads = re.compile(rf"\b(from|join) \"?({tables})\b(?! import| and | of | that )")
    found = {path for path, text in sources() if reads.search(_code(text))}
    assert found == set(BY_SQL)


def test_whoever_reads_the_log_is_known() -> None:
    reads = re.compile(r"RealtimeChange\.objects|(from|join) realtime_change")
    assert {path for path, text in sources() if reads.search(text)} == set(OF_THE_LOG)


@pytest.mark.parametrize("model", live_models(), ids=lambda model: model.__name__)
def test_a_hidden_column_is_in_no_query(model: type[LiveModel]) -> None:
    table = model._meta.db_table
    for name in model.hideable:
        field = model._meta.get_field(name)
        assert not field.is_relation
        assert name not in ("id", "name", "title", "file_name", *model.hangs_on), f"rows can't do without {name}"
        with seeing(Sight("", (), (f"{table}/{name}",))):
            asked = (
                model._default_manager.filter(**{f"{name}__gt": "1"}).order_by(name).values(name).annotate(Max(name))
            )
            assert f'."{name}"' not in str(asked.query)
            assert f'."{name}"' not in str(model._default_manager.all().query)
        assert f'."{name}"' in str(model._default_manager.all().query)


def test_nobody_lists_what_may_be_hidden() -> None:
    reads = re.compile(r"\.base_filters\b|\.exported\b|(listing|_list|definition)\.(columns|sorts)\b")
    assert {path for path, text in sources() if reads.search(text)} == set(LISTED)


def test_whoever_reads_the_log_leaves_hidden_columns_out() -> None:
    asks = re.compile(r"\bhidden_columns\(|\bshown_fields\(")
    found = {path for path, text in sources() if path in OF_THE_LOG and not asks.search(text)}
    assert found == set(OF_NO_HIDDEN_COLUMN)


def test_no_row_is_joined_that_may_be_hidden() -> None:
    names = "|".join(name.split(".")[1] for name in NOT_HUNG_ON)
    for path, text in sources():
        assert not re.search(rf"select_related\([^)]*\"({names})", text), path


def _code(text: str) -> str:
    """Without docstrings and comments, which speak of tables."""
    return re.sub(r"#[^\n]*", "", re.sub(r'(?<![=(\[,] )"""(?!\s*\n?\s*select).*?"""', "", text, flags=re.DOTALL))
