"""How the two ASGI servers are started.

The demo, the tests, ``bin/chaos`` and ``bin/bench`` start them like this, and the documents say the same.
"""

from enum import StrEnum


class WebServer(StrEnum):
    DAPHNE = "daphne"
    UVICORN = "uvicorn"


# Connections that wait to be accepted. Whoever finds the queue full tries again after 1, 3, 7, 15 … seconds, so it has
# to hold all pages that come back at once after a restart. The kernel cuts it at net.core.somaxconn.
BACKLOG = 4096

# With the servers' own limits, a half-open socket is found only after 40 to 50 s.
PINGS = {
    WebServer.DAPHNE: ("--ping-interval", "10", "--ping-timeout", "15"),
    WebServer.UVICORN: ("--ws-ping-interval", "10", "--ws-ping-timeout", "15"),
}

APPLICATION = "project.asgi:application"


def command(server: WebServer, host: str, port: int) -> list[str]:
    """What follows the Python interpreter."""
    if server is WebServer.DAPHNE:
        endpoint = f"tcp:port={port}:interface={host}:backlog={BACKLOG}"
        return ["-m", "daphne", *PINGS[server], "-e", endpoint, APPLICATION]
    return ["-m", "uvicorn", *UVICORN, *PINGS[server], "--host", host, "--port", str(port), APPLICATION]


UVICORN = (
    # One frame, built once, to all sockets of a view. Compressed, it would be another one for each of them.
    *("--ws", "realtime.hub.shared_frames:SharedFrames", "--ws-per-message-deflate", "false"),
    *("--backlog", str(BACKLOG)),
    # What a proxy says is Django's to judge (project/settings.py).
    "--no-proxy-headers",
    *("--lifespan", "off", "--timeout-graceful-shutdown", "5"),
    *("--no-access-log", "--log-level", "warning"),
)
