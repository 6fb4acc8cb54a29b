"""The server's memory doesn't depend on how much is written, nor on how much of it in one transaction."""

from pathlib import Path

from tests.integration.local.conformance.harness import Database, Fence, RawClient, Server

FULL_IDENT = {"event": "*", "schema": "public", "table": "full_ident"}
# In one transaction; reading it as a whole took 150 MB.
ROWS = 40_000
MB = 1024


def memory(server: Server, name: str) -> int:
    """Kilobytes: VmRSS now, or VmHWM at the peak."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def insert(database: Database, rows: int) -> None:
    """Inserts rows of a kilobyte in one transaction."""
    database.run(f"insert into full_ident (v) select repeat('x', 1000) from generate_series(1, {rows})")


def test_a_large_transaction_is_read_in_parts(database: Database) -> None:
    with Server(database.url, "--publication-refresh=3600") as server, Fence(server, database) as fence:
        insert(database, 1_000)
        fence.wait()
        before = memory(server, "VmRSS")
        insert(database, ROWS)
        fence.wait()
        assert memory(server, "VmHWM") - before < 30 * MB


def test_the_server_does_not_grow_with_what_it_has_delivered(database: Database) -> None:
    resident, delivered = [], 0
    with (
        Server(database.url, "--publication-refresh=3600") as server,
        Fence(server, database) as fence,
        RawClient(server) as client,
    ):
        client.join("realtime:memory", FULL_IDENT)
        for _ in range(3):
            for _ in range(10):
                insert(database, 300)
                fence.wait()
                delivered += len(client.until_heartbeat())
            resident.append(memory(server, "VmRSS"))
    assert delivered == 9_000
    assert resident[2] - resident[1] < 10 * MB
