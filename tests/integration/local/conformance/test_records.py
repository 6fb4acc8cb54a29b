"""Every transcript of the real server, replayed.

All frames are compared, with the order of their keys. Timestamps, primary keys and binding ids (by the order of their
first appearance), token ages, presence keys and refs are replaced, and so is what the transcript itself has cut. What
depended on the recorder's surroundings is compared as far as possible:

- `auth-unknown-tenant`: this server has one tenant; the refusal comes from the `refuse_http` fault.
- `cold-1`: the order of frames, not the seconds a cold server needs.
- `shutdown-*-via-nginx`: without nginx.
- `pg-restart`: the server's connections are terminated as in a restart; the cluster itself goes on.
- `ddl-during-subscription`: the server reads the publication every 0.3 s instead of every 60.
- `no-heartbeat`: after 0.5 s instead of 60, and without the second system frame, which came from another table's
  publication during the recording.
- `dup-bindings`: order within each topic; `token-refresh`: order within each kind of frame.
"""

import pytest

from tests.integration.local.conformance.harness import Database, Fence, Server
from tests.integration.local.conformance.records import NAMES
from tests.integration.local.conformance.replay import Replay

OWN_SERVER = {
    "shutdown": (),
    "no-heartbeat": ("--idle-timeout=0.5",),
    "ddl": ("--publication-refresh=0.3",),
}


def own_server(record: str) -> tuple[str, ...] | None:
    return next((options for prefix, options in OWN_SERVER.items() if record.startswith(prefix)), None)


@pytest.mark.parametrize("record", [name for name in NAMES if own_server(name) is None])
def test_server_answers_as_recorded(record: str, server: Server, database: Database, fence: Fence) -> None:
    Replay(record, server, database, fence).run()


@pytest.mark.parametrize("record", [name for name in NAMES if own_server(name) is not None])
def test_server_of_its_own_answers_as_recorded(record: str, database: Database, fence: Fence) -> None:
    options = own_server(record)
    assert options is not None
    with Server(database.url, *options) as server:
        if record.startswith("ddl"):
            # This server follows every table: it must be past the old rows before they are cleaned away.
            with Fence(server, database) as own_fence:
                Replay(record, server, database, own_fence).run()
        else:
            replay = Replay(record, server, database, fence)
            if record.startswith("no-heartbeat"):
                del replay.entries[-2]
            replay.run()
    database.run("drop table if exists late")


def test_all_transcripts_are_there() -> None:
    assert len(NAMES) == 85
