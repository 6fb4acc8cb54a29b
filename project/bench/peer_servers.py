"""Starts the servers that ``bin/bench fanout`` compares with, as far as this machine can have them.

What they need is put under ``.local/bench``: npm's packages, and Debian's nchan module for the nginx that is installed.
"""

import asyncio
import http.client
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from realtime.local.process import LOOPBACK, REPOSITORY, Service, pick_port, port_answers

PLACE = REPOSITORY / ".local" / "bench"
SOURCES = Path(__file__).parent / "peers"
PACKAGES = ("ws", "socket.io", "redis")
LAYERS = {"core": "channels_redis.core.RedisChannelLayer", "pub/sub": "channels_redis.pubsub.RedisPubSubChannelLayer"}


@dataclass
class Peer:
    """``publish`` sends a text to all its sockets; the rest is what a client says and hears."""

    name: str
    service: Service
    port: int
    publish: Callable[[str], None]
    path: str = "/"
    opening: str = ""
    ready: str = "attached"
    ask: str = ""
    pong: str = ""


class Unavailable(Exception):
    """One sentence: why this machine can't have a peer."""


def names() -> list[str]:
    return [*(f"Channels on {server}, {layer}" for server in ("daphne", "uvicorn") for layer in LAYERS), *NODE, "nchan"]


@contextmanager
def started(name: str, redis_url: str, directory: Path) -> Iterator[Peer]:
    """Raises Unavailable."""
    port = pick_port()
    log = directory / f"{name.replace(' ', '-').replace('/', '')}.log"
    if name == "nchan":
        peer = nchan(port, log, directory)
    elif name in NODE:
        peer = node(name, port, log, redis_url)
    else:
        peer = channels(name, port, log, redis_url)
    peer.service.start()
    try:
        yield peer
    finally:
        peer.service.stop()


def channels(name: str, port: int, log: Path, redis_url: str) -> Peer:
    server, layer = name.removeprefix("Channels on ").split(", ")
    application = "project.bench.peers.channels_app:application"
    if server == "daphne":
        arguments = ["daphne", "-e", f"tcp:port={port}:interface={LOOPBACK}:backlog=4096", application]
    else:
        arguments = ["uvicorn", "--host", LOOPBACK, "--port", str(port), "--backlog", "4096", "--log-level", "warning"]
        arguments += ["--lifespan", "off", "--ws-per-message-deflate", "false", application]
    environment = os.environ | {"BENCH_LAYER": LAYERS[layer], "REDIS_URL": redis_url}
    service = _service(name, [sys.executable, "-m", *arguments], log, port, environment)
    return Peer(name, service, port, GroupSender(LAYERS[layer], redis_url))


class GroupSender:
    """Sends to Channels' group from a loop of its own."""

    def __init__(self, layer: str, redis_url: str) -> None:
        from django.utils.module_loading import import_string

        self._loop = asyncio.new_event_loop()
        self._layer: Any = import_string(layer)(hosts=[redis_url])

    def __call__(self, text: str) -> None:
        message = {"type": "bench.message", "text": text}
        self._loop.run_until_complete(self._layer.group_send("bench", message))


def node(name: str, port: int, log: Path, redis_url: str) -> Peer:
    packages = PLACE / "node"
    if not (packages / "node_modules" / "socket.io").is_dir():
        npm = shutil.which("npm")
        if npm is None:
            raise Unavailable("there is no npm")
        packages.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--no-audit", "--no-fund", *PACKAGES]
        if subprocess.run(install, cwd=packages, capture_output=True).returncode:
            raise Unavailable("npm can't install its packages")
    environment = os.environ | {"NODE_PATH": str(packages / "node_modules")}
    source = str(SOURCES / NODE[name])
    service = _service(name, [str(shutil.which("node")), source, str(port), redis_url], log, port, environment)
    client = redis.Redis.from_url(redis_url)

    def publish(text: str) -> None:
        client.publish("bench", text)

    peer = Peer(name, service, port, publish)
    if name == "socket.io":
        peer.path, peer.opening = "/socket.io/?EIO=4&transport=websocket", "40"
        peer.ask, peer.pong = "2", "3"
    return peer


NODE = {"ws": "ws.js", "socket.io": "socketio.js"}


def nchan(port: int, log: Path, directory: Path) -> Peer:
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if nginx is None:
        raise Unavailable("there is no nginx (on Debian: apt-get install nginx)")
    place = directory / "nginx"
    place.mkdir(exist_ok=True)
    text = (SOURCES / "nginx.conf").read_text().format(module=_nchan_module(), directory=place, port=port)
    # Its worker isn't root.
    place.chmod(0o777)
    (place / "nginx.conf").write_text(text)
    service = _service("nchan", [nginx, "-p", str(place), "-c", str(place / "nginx.conf")], log, port, os.environ)
    connection = http.client.HTTPConnection(LOOPBACK, port)

    def publish(text: str) -> None:
        connection.request("POST", "/pub", text.encode())
        connection.getresponse().read()

    # It says nothing by itself: whoever has shaken hands is there.
    return Peer("nchan", service, port, publish, path="/sub", ready="")


def _nchan_module() -> Path:
    installed = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
    if installed.exists():
        return installed
    place = PLACE / "nginx"
    module = place / str(installed).lstrip("/")
    if not module.exists():
        place.mkdir(parents=True, exist_ok=True)
        for step in (["apt-get", "download", "libnginx-mod-nchan"], ["dpkg", "-x"]):
            found = [str(path) for path in place.glob("*.deb")] if step[0] == "dpkg" else []
            if (
                shutil.which(step[0]) is None
                or subprocess.run([*step, *found, *(["."] if found else [])], cwd=place, capture_output=True).returncode
            ):
                raise Unavailable("Debian's libnginx-mod-nchan can't be had")
    return module


def _service(name: str, argv: list[str], log: Path, port: int, environment: Any) -> Service:
    return Service(
        name=name,
        argv=argv,
        log=log,
        env=environment,
        address=f"{LOOPBACK}:{port}",
        ready=lambda: port_answers(port),
    )
