"""What webhooks are sent is published, and what receivers read doesn't go."""

from copy import deepcopy
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from realtime.management.commands import realtime_schemas
from realtime.webhooks.schemas import FOLDER, breaks, published, schemas, text_of


def test_nothing_that_receivers_read_has_gone() -> None:
    lost = breaks(published(), schemas())
    assert not lost, "\n".join(lost)


def test_the_published_schemas_are_those_of_the_models() -> None:
    files = {path.stem: path.read_text() for path in FOLDER.glob("*.json")}
    now = {table: text_of(schema) for table, schema in schemas().items()}
    assert files == now, "more is sent than docs/schemas/ says: run manage.py realtime_schemas"


def changed(*path: str, to: Any = None) -> dict[str, Any]:
    """The schemas with one place gone, or another one in its place."""
    found: Any = deepcopy(schemas())
    place = found
    for step in path[:-1]:
        place = place[step]
    place.pop(path[-1])
    if to is not None:
        place[path[-1]] = to
    return found  # type: ignore[no-any-return]


RECORD = ("tickets", "$defs", "record", "properties")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (changed("tickets"), "No event of “tickets” is sent any more."),
        (changed(*RECORD, "title"), "“record.title” is gone from the events of “tickets”: receivers read it."),
        (
            changed(*RECORD, "title", to={"type": "integer"}),
            '“record.title” in the events of “tickets” was {"type": ["string", "null"]} and is',
        ),
        (changed("tickets", "$defs", "update", "properties", "data", "properties", "changed"), "“update.data.changed”"),
        (changed("tickets", "$defs", "delete"), "“delete."),
    ],
    ids=["table", "column", "type", "field", "operation"],
)
def test_what_goes_or_becomes_another_type_is_named(now: dict[str, Any], said: str) -> None:
    lost = breaks(schemas(), now)
    assert any(said in sentence for sentence in lost), lost


def test_more_is_no_loss() -> None:
    more = deepcopy(schemas())
    more["tickets"]["$defs"]["record"]["properties"]["mood"] = {"type": "string"}
    more["moods"] = deepcopy(more["tickets"])
    assert breaks(schemas(), more) == []


def test_the_command_refuses_a_loss_unless_it_is_meant(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("realtime.webhooks.schemas", realtime_schemas.__name__):
        monkeypatch.setattr(f"{module}.FOLDER", tmp_path)
    call_command("realtime_schemas", verbosity=0)
    assert len(published()) == len(schemas())
    wider = changed(*RECORD, "title", to={"type": "boolean"})["tickets"]
    (tmp_path / "tickets.json").write_text(text_of(wider))
    with pytest.raises(CommandError, match=r"record\.title"):
        call_command("realtime_schemas")
    call_command("realtime_schemas", "--break")
    assert published() == schemas()
